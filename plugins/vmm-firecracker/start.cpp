// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "start.hpp"

#include "api.hpp"
#include "disk_links.hpp"
#include "log_keeper.hpp"

namespace banger::firecracker {
namespace {

constexpr const char* log_name = "firecracker.log";
constexpr int log_descriptor = 3;
constexpr int metrics_descriptor = 4;
constexpr std::uint64_t most_of_console = 4U << 20U;
constexpr std::uint64_t most_of_log = 1U << 20U;

sdk::Result<void> tell_all(sdk::os::UniqueFd socket, const std::vector<Request>& requests, const sdk::Call& call)
{
    auto api = Api::over(std::move(socket));
    if (!api)
        return std::move(api).error();
    ApiLimits limits;
    limits.cancel_descriptor = call.cancel_descriptor();
    for (const auto& request : requests)
        if (auto told = api->ask(request, limits); !told)
            return std::move(told).error();
    return {};
}

sdk::Result<void> run(sdk::VmmLaunch& launch, const std::string& program, const sdk::BootSpec& spec,
                      const std::vector<Request>& requests, sdk::Call& call)
{
    if (auto linked = link_disks(spec.owner.directory, spec.disks); !linked)
        return linked;
    // What a guest can make Firecracker say is bounded for as long as that lives, whether or not a daemon does.
    auto logs = keep_logs(spec.owner.directory, {{"console.log", most_of_console}, {log_name, most_of_log},
                                                 {"firecracker.metrics", most_of_log}});
    if (!logs)
        return std::move(logs).error();
    const auto path_of = [](int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); };
    sdk::os::Command command;
    // The guest's serial port is Firecracker's standard output. Below "Error" each unhandled port of the probing kernel is a
    // line of the log.
    // clang-format off
    command.argv = {program, "--id", sdk::VmmProcess::name_of(spec.owner), "--api-sock", sdk::api_socket_name,
                    "--log-path", path_of(log_descriptor), "--level", "Error",
                    "--metrics-path", path_of(metrics_descriptor)};
    // clang-format on
    command.out = (*logs)[0].get();
    command.descriptors = {{(*logs)[1].get(), log_descriptor}, {(*logs)[2].get(), metrics_descriptor}};
    auto api = launch.start(std::move(command), log_name, call);
    logs->clear();  // they end with Firecracker
    if (!api)
        return std::move(api).error();
    if (auto told = tell_all(std::move(*api), requests, call); !told)
        return launch.explain(std::move(told).error());
    return {};
}

}  // namespace

sdk::Result<sdk::Attached<sdk::Machine>> start_firecracker(const std::string& program, const sdk::BootSpec& spec,
                                                           const std::vector<Request>& requests, const Noted& noted,
                                                           const sdk::VmmProcess& process, sdk::Call& call)
{
    if (call.cancelled())
        return sdk::make_error(sdk::Code::cancelled, "cancelled");
    auto launch = sdk::VmmLaunch::prepare_without_sockets(process, spec.owner);
    if (!launch)
        return std::move(launch).error();
    auto running = MachineNotes(spec.owner.directory).begin(noted);
    if (running)
        running = run(*launch, program, spec, requests, call);
    if (!running) {
        // What would not go is replaced by the next attach, and removed by release.
        (void)remove_leftovers(spec.owner.directory);
        if (running.error().code == sdk::Code::cancelled)
            return std::move(running).error();
        return std::move(running).error().with_hint(
            "see " + spec.owner.directory + "/" + log_name +
            ", and `banger doctor` for whether Firecracker works here; --vmm qemu works without it");
    }
    return sdk::Attached<sdk::Machine>{{"kvm", sdk::ChannelKind::socket}, launch->keep()};
}

sdk::Result<void> remove_leftovers(const std::string& directory)
{
    auto unlinked = remove_disk_links(directory);
    auto forgotten = MachineNotes(directory).remove();
    return unlinked ? forgotten : unlinked;
}

}  // namespace banger::firecracker
