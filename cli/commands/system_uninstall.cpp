// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/file.hpp"
#include "cli/commands/system.hpp"
#include "cli/system/setup.hpp"
#include "core/rpc/helper.hpp"

namespace banger::cli {

Syntax SystemUninstall::syntax()
{
    Syntax syntax;
    syntax.path = "system uninstall";
    syntax.summary = "remove the root helper";
    syntax.description = "Not while a machine has a disk or a network device by it. Machines that are stopped keep their "
                         "data, which only a helper, or root, starts from again. Forwarding between the host's networks, "
                         "which taps need, stays switched on.";
    syntax.options = {{"force", 'f', "", "also when the helper cannot say whether it is in use", {}, false},
                      {"purge", 0, "", "its settings as well, and the addresses that machines had", {}, false}};
    syntax.examples = {{"sudo banger system uninstall --purge", "its settings go, too"}};
    return syntax;
}

sdk::Result<SystemUninstall> SystemUninstall::parse(const Arguments& arguments)
{
    return SystemUninstall{arguments.has("purge"), arguments.has("force")};
}

namespace {

// Also has the helper take up each installation once, whose unused bridge then goes with it.
sdk::Result<void> check_unused(const std::string& owner, bool force, Context& context)
{
    auto status = setup::ask_status();
    if (!status && !force)
        return sdk::make_error(status.error().code, "the helper cannot say what it holds: " + status.error().message,
                               "`banger system uninstall --force` removes it all the same, and leaves what it holds");
    if (!status) {
        context.note("the helper cannot say what it holds: " + status.error().message);
        return {};
    }
    std::uint64_t disks = 0;
    std::uint64_t links = 0;
    if (const json::Value* all = json::find(*status, "installations"); all != nullptr && all->IsArray())
        for (const auto& one : all->GetArray()) {
            disks += json::uint_or(one, "disks");
            links += json::uint_or(one, "links");
        }
    if (disks + links == 0)
        return {};
    return sdk::make_error(sdk::Code::busy,
                           "machines of user '" + owner + "' have " + std::to_string(disks) + " disks and " +
                               std::to_string(links) + " network devices by the helper",
                           "stop them first: `banger vm list` as that user shows them");
}

// Who else needs it by now nobody can know.
void say_that_it_forwards(Context& context)
{
    if (const auto forwards = sdk::os::read_file("/proc/sys/net/ipv4/ip_forward"); forwards && *forwards == "1\n")
        context.note("this host still forwards between its networks, as taps needed it: `sysctl -w net.ipv4.ip_forward=0` ends "
                     "that, if nothing else here needs it");
}

}  // namespace

sdk::Result<Exit> run(const SystemUninstall& verb, Context& context)
{
    const std::string unit = rpc::helper::unit;
    if (auto fit = setup::check_host(); !fit)
        return std::move(fit).error();
    const auto owner = setup::installed_for();
    if (owner) {
        if (auto unused = check_unused(*owner, verb.force, context); !unused)
            return std::move(unused).error();
        for (const auto& step : {std::vector<std::string>{"disable", "--now", unit + ".socket"}, {"stop", unit + ".service"}})
            if (auto done = setup::systemctl(step); !done)
                return std::move(done).error().while_doing("stop the helper");
    }
    if (auto removed = setup::remove_units(); !removed)
        return std::move(removed).error();
    if (auto removed = setup::remove_files(); !removed)
        return std::move(removed).error();
    if (verb.purge)
        if (auto removed = setup::remove_state(); !removed)
            return std::move(removed).error();
    if (owner)
        say_that_it_forwards(context);
    json::Object result;
    result.set("removed", owner.has_value()).set("purged", verb.purge);
    return context.show(result.value(), [&] {
        return std::string(owner ? "the root helper is removed\n" : "there was no root helper\n");
    });
}

}  // namespace banger::cli
