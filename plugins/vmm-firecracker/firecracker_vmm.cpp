// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "firecracker_vmm.hpp"

#include <fcntl.h>

#include "api.hpp"
#include "banger/sdk/boot_check.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/vmm_process.hpp"
#include "boot.hpp"
#include "channel.hpp"
#include "config.hpp"
#include "disk_links.hpp"
#include "installation.hpp"

namespace banger::firecracker {
namespace {

using sdk::Code;
using sdk::make_error;

constexpr const char* log_name = "firecracker.log";

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

// Nothing, if it does not answer within a moment, as it does not while it saves.
sdk::Fields what_it_says(const sdk::Owner& owner)
{
    ApiLimits a_moment;
    a_moment.patience = std::chrono::milliseconds(200);
    auto socket = sdk::os::try_connect_unix(owner.directory + "/" + sdk::api_socket_name);
    auto api = socket ? Api::over(std::move(*socket)) : sdk::Result<Api>(std::move(socket).error());
    if (!api)
        return {};
    const auto answer = api->ask(describe(), a_moment);
    const auto state = answer ? state_from(*answer) : sdk::Result<MachineState>(answer.error());
    if (!state)
        return {};
    return {{"paused", *state == MachineState::paused ? "true" : "false"},
            {"saving", "false"},
            {"accelerator", "kvm"}};
}

class FirecrackerVmm final : public sdk::Vmm {
public:
    FirecrackerVmm(sdk::Host& host, const Config& config)
        : host_(host), search_(host, config), process_("firecracker", "--id")
    {
    }

    sdk::Result<sdk::Probe> probe(sdk::Call& call) override
    {
        sdk::Probe probe;
        auto found = search_.look(call);
        if (!found && found.error().code == Code::cancelled)
            return std::move(found).error();
        if (!found) {
            probe.reason = found.error().message;
            probe.hint = found.error().hint;
            return probe;
        }
        auto problem = search_.problem(*found, call);
        if (!problem)
            return std::move(problem).error();
        probe.facts = {{"program", found->program}, {"version", found->version}, {"accelerator", "kvm"}};
        probe.usable = problem->empty();
        probe.reason = probe.usable ? "Firecracker " + found->version + ": a guest ran on /dev/kvm" : *problem;
        if (!probe.usable)
            probe.hint = "give yourself access to a working /dev/kvm, or use --vmm qemu, which can emulate";
        probe.accepts = {"disk:raw", "link:tap", "link:none"};
        return probe;
    }

    sdk::Result<std::vector<sdk::Handle>> plan(const sdk::BootSpec& spec) override
    {
        if (auto checked = check(spec); !checked)
            return std::move(checked).error();
        return std::vector{process_.planned(spec.owner)};
    }

    sdk::Result<sdk::Attached<sdk::Machine>> attach(const sdk::BootSpec& spec, sdk::Call& call) override
    {
        if (auto checked = check(spec); !checked)
            return std::move(checked).error();
        if (auto checked = sdk::check_host(spec); !checked)
            return std::move(checked).error();
        auto found = search_.look(call);
        if (!found)
            return std::move(found).error();
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        auto launch = sdk::VmmLaunch::prepare_without_sockets(process_, spec.owner);
        if (!launch)
            return std::move(launch).error();
        auto running = run(*launch, found->program, spec, call);
        if (!running) {
            // What would not go is replaced by the next attach, and removed by release.
            (void)remove_disk_links(spec.owner.directory);
            return std::move(running).error();
        }
        return sdk::Attached<sdk::Machine>{{"kvm", sdk::ChannelKind::socket}, launch->keep()};
    }

    sdk::Result<void> release(const sdk::Handle& handle) override
    {
        auto released = process_.release(handle);
        return released ? remove_disk_links(handle.owner.directory) : released;
    }
    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        auto inspection = process_.inspect(handle);
        if (inspection && inspection->present)
            inspection->facts.merge(what_it_says(handle.owner));
        return inspection;
    }
    sdk::Result<std::vector<sdk::Handle>> list() override { return process_.list(host_); }
    sdk::Result<void> kill(const sdk::Handle& handle, int signal) override { return process_.kill(handle, signal); }

    sdk::Result<sdk::os::UniqueFd> open_channel(const sdk::Handle& handle, sdk::Call& call) override
    {
        return dial_agent(handle.owner.directory + "/" + sdk::agent_socket_name, call);
    }

private:
    static sdk::Result<void> run(sdk::VmmLaunch& launch, const std::string& program, const sdk::BootSpec& spec,
                                 sdk::Call& call)
    {
        if (auto linked = link_disks(spec.owner.directory, spec.disks); !linked)
            return linked;
        // The guest's serial port is Firecracker's standard output. Appended, so that whoever truncates the file gets
        // its space back.
        auto console = sdk::os::open_file(spec.owner.directory + "/console.log",
                                          O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW);
        if (!console)
            return std::move(console).error();
        sdk::os::Command command;
        // Below "Error" each unhandled port of the probing kernel is a line of the log.
        // clang-format off
        command.argv = {program, "--id", sdk::VmmProcess::name_of(spec.owner), "--api-sock", sdk::api_socket_name,
                        "--log-path", log_name, "--level", "Error"};
        // clang-format on
        command.out = console->get();
        auto api = launch.start(std::move(command), log_name, call);
        if (!api)
            return std::move(api).error();
        if (auto told = tell_all(std::move(*api), boot_requests(spec), call); !told)
            return launch.explain(std::move(told).error());
        return {};
    }

    sdk::Host& host_;
    Search search_;
    const sdk::VmmProcess process_;
};

}  // namespace

sdk::Result<std::unique_ptr<sdk::Vmm>> make_vmm(sdk::Host& host, std::string_view config)
{
    auto read = read_config(config);
    if (!read)
        return std::move(read).error();
    return std::unique_ptr<sdk::Vmm>(std::make_unique<FirecrackerVmm>(host, *read));
}

}  // namespace banger::firecracker
