// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "start.hpp"

#include "api.hpp"
#include "banger/sdk/os/file.hpp"
#include "disk_links.hpp"
#include "jail.hpp"
#include "log_keeper.hpp"

namespace banger::firecracker {
namespace {

constexpr const char* log_name = "firecracker.log";
constexpr int log_descriptor = 3;
constexpr int metrics_descriptor = 4;
constexpr std::uint64_t most_of_console = 4U << 20U;
constexpr std::uint64_t most_of_log = 1U << 20U;

sdk::Result<void> tell_all(sdk::os::UniqueFd socket, const Start& start, const sdk::Call& call)
{
    auto api = Api::over(std::move(socket));
    if (!api)
        return std::move(api).error();
    for (const auto& request : start.requests)
        if (auto told = api->ask(request, {start.patience, call.cancel_descriptor()}); !told)
            return std::move(told).error();
    return {};
}

// Its command, but for where it says what it says.
std::vector<std::string> arguments_of(const sdk::Owner& owner, const std::string& log, const std::string& metrics)
{
    // Below "Error" each unhandled port of the probing kernel is a line of the log.
    return {"--id", sdk::VmmProcess::name_of(owner), "--api-sock", sdk::api_socket_name, "--log-path", log, "--level", "Error",
            "--metrics-path", metrics};
}

// What a guest can make Firecracker say is bounded for as long as that lives, whether or not a daemon does. The guest's serial
// port is Firecracker's standard output.
sdk::Result<LogKeeper> keep_logs_of(const sdk::Owner& owner, bool jailed)
{
    const auto fifo = [&](const char* name) {
        return jailed ? jail_directory(owner.directory) + "/" + name : std::string();
    };
    return keep_logs(owner.directory, {{"console.log", most_of_console, fifo(console_stream)},
                                       {log_name, most_of_log, fifo(log_stream)},
                                       {"firecracker.metrics", most_of_log, fifo(metrics_stream)}});
}

sdk::Result<sdk::os::UniqueFd> start_free(sdk::VmmLaunch& launch, const Start& start,
                                          const std::vector<sdk::os::UniqueFd>& logs, sdk::Call& call)
{
    const auto& spec = start.spec.boot;
    if (auto linked = link_disks(spec.owner.directory, spec.disks); !linked)
        return std::move(linked).error();
    const auto path_of = [](int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); };
    sdk::os::Command command;
    command.argv = arguments_of(spec.owner, path_of(log_descriptor), path_of(metrics_descriptor));
    command.argv.insert(command.argv.begin(), start.program);
    command.out = logs[0].get();
    command.descriptors = {{logs[1].get(), log_descriptor}, {logs[2].get(), metrics_descriptor}};
    return launch.start(std::move(command), log_name, call);
}

sdk::Result<sdk::os::UniqueFd> start_jailed(sdk::VmmLaunch& launch, const Start& start, sdk::Call& call)
{
    const auto& owner = start.spec.boot.owner;
    if (auto linked = link_disks(jail_directory(owner.directory), inside(start.spec.boot).disks); !linked)
        return std::move(linked).error();
    auto jail = jail_of(start.spec, start.program, arguments_of(owner, log_stream, metrics_stream));
    if (!jail)
        return std::move(jail).error();
    sdk::os::Command command;
    command.argv = {start.program};
    return launch.start(std::move(command), log_name, call,
                        [&](const sdk::os::Command& /*command*/) { return start.jails->start(*jail, call); });
}

// Firecracker, and the process that keeps its logs, which comes back.
sdk::Result<sdk::os::ProcessId> run(sdk::VmmLaunch& launch, const Start& start, sdk::Call& call)
{
    auto logs = keep_logs_of(start.spec.boot.owner, start.jails != nullptr);
    if (!logs)
        return std::move(logs).error();
    launch.wait_at_most(start.patience);
    auto api = start.jails != nullptr ? start_jailed(launch, start, call) : start_free(launch, start, logs->ends, call);
    logs->ends.clear();  // they end with Firecracker
    if (!api)
        return std::move(api).error();
    if (auto told = tell_all(std::move(*api), start, call); !told)
        return launch.explain(std::move(told).error());
    return logs->process;
}

sdk::Result<sdk::VmmLaunch> prepare(const sdk::VmmProcess& process, const sdk::Owner& owner, bool jailed)
{
    if (jailed)
        return sdk::VmmLaunch::prepare_below(process, owner, jail_name);
    auto launch = sdk::VmmLaunch::prepare_without_sockets(process, owner);
    if (launch)
        if (auto removed = sdk::os::remove_tree(jail_directory(owner.directory)); !removed)
            return std::move(removed).error();
    return launch;
}

}  // namespace

sdk::Result<sdk::Attached<sdk::Machine>> start_firecracker(const Start& start, const sdk::VmmProcess& process,
                                                           sdk::Call& call)
{
    const auto& owner = start.spec.boot.owner;
    if (call.cancelled())
        return sdk::make_error(sdk::Code::cancelled, "cancelled");
    auto launch = prepare(process, owner, start.jails != nullptr);
    if (!launch)
        return std::move(launch).error();
    const auto begun = MachineNotes(owner.directory).begin(start.noted);
    auto running = begun ? run(*launch, start, call) : begun.error();
    if (!running) {
        // What would not go is replaced by the next attach, and removed by release.
        (void)remove_leftovers(owner.directory);
        if (running.error().code == sdk::Code::cancelled)
            return std::move(running).error();
        const bool is_late = running.error().code == sdk::Code::timed_out;
        return std::move(running).error().with_hint(
            (is_late ? "if this host is only slow, raise start_patience in [plugin.vmm-firecracker]; else see " : "see ") +
            owner.directory + "/" + log_name +
            ", and `banger doctor` for whether Firecracker works here; --vmm qemu works without it");
    }
    auto handle = launch->keep();
    handle.bound["pids"] = std::to_string(running->pid);
    return sdk::Attached<sdk::Machine>{{"kvm", sdk::ChannelKind::socket}, std::move(handle)};
}

sdk::Result<void> remove_leftovers(const std::string& directory)
{
    auto unlinked = remove_disk_links(directory);
    auto forgotten = MachineNotes(directory).remove();
    auto emptied = sdk::os::remove_tree(jail_directory(directory));
    for (auto* step : {&unlinked, &forgotten})
        if (!*step)
            return *step;
    return emptied;
}

}  // namespace banger::firecracker
