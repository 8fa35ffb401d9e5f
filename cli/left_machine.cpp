// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/left_machine.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/text.hpp"

namespace banger::cli {
namespace {

/// A systemd that powers off ends the shells early and itself within seconds.
constexpr int longest_power_off_ms = 10'000;
/// What ssh says when its connection ended under it. A guest's command that says it too costs the wait.
constexpr int ssh_was_cut = 255;

bool was_cut(const sdk::Result<Exit>& exit)
{
    if (!exit)
        return true;
    const auto* guest = std::get_if<GuestExit>(&*exit);
    return guest == nullptr || guest->status == ssh_was_cut;
}

sdk::Result<rpc::Reply> show_vm(Context& context, const std::string& vm)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("vm", vm);
    return (*session)->call("vm.show", params, Session::OnInterrupt::carry_on);
}

// The machine as it is now; of one that was cut, once its VMM has ended.
sdk::Result<rpc::Reply> machine_now(Context& context, const std::string& vm, bool cut)
{
    auto shown = show_vm(context, vm);
    if (!shown && shown.error().code == sdk::Code::unavailable) {  // the daemon went away: the next one knows
        context.end_session();
        shown = show_vm(context, vm);
    }
    const auto pid = shown && cut ? json::uint_or(shown->result, "pid") : 0;
    if (pid == 0)
        return shown;
    const sdk::os::UniqueFd vmm(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0U)));
    pollfd watch{vmm.get(), POLLIN, 0};
    if (vmm && ::poll(&watch, 1, longest_power_off_ms) == 0)
        return shown;
    return show_vm(context, vm);
}

}  // namespace

sdk::Result<Exit> say_what_is_left(Context& context, const std::string& vm, sdk::Result<Exit> exit)
{
    const bool cut = was_cut(exit);
    auto machine = machine_now(context, vm, cut);
    if (!machine)
        return exit;
    const std::string name = json::string_or(machine->result, "name");
    const std::string word = shell_quoted(name);
    if (json::string_or(machine->result, "state") == "running") {
        context.note("vm '" + printable(name) + "' is still running: `banger vm ssh " + word +
                     "` goes back, `banger vm stop " + word + "` stops it, `banger vm delete " + word + "` deletes it");
        return exit;
    }
    context.note("vm '" + printable(name) + "' is stopped: `banger vm start " + word + "` starts it, `banger vm delete " +
                 word + "` deletes it");
    if (cut && exit)
        return Exit(OwnExit::command_failed);
    return exit;
}

}  // namespace banger::cli
