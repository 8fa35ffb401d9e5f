// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "firecracker_vmm.hpp"

#include <cstdlib>

#include "banger/sdk/boot_check.hpp"
#include "banger/sdk/vmm_process.hpp"
#include "boot.hpp"
#include "channel.hpp"
#include "config.hpp"
#include "conversation.hpp"
#include "installation.hpp"
#include "jail.hpp"
#include "machine_notes.hpp"
#include "served_socket.hpp"
#include "start.hpp"

namespace banger::firecracker {
namespace {

using sdk::Code;
using sdk::make_error;

// Nothing, if it does not answer within a moment, as it does not while it writes a save.
sdk::Fields what_it_says(const sdk::VmmProcess& process, const sdk::Handle& machine)
{
    ApiLimits a_moment;
    a_moment.patience = std::chrono::milliseconds(200);
    auto living = Conversation::with(process, machine, a_moment);
    const auto state = living ? living->state() : sdk::Result<MachineState>(std::move(living).error());
    const auto save = MachineNotes(machine.owner.directory).save();
    if (!state || !save)
        return {};
    const bool saving = *save && !(*save)->directory.empty();
    return {{"paused", *state == MachineState::paused ? "true" : "false"},
            {"saving", saving ? "true" : "false"},
            {"accelerator", "kvm"}};
}

class FirecrackerVmm final : public sdk::Vmm {
public:
    FirecrackerVmm(sdk::Host& host, const Config& config)
        : host_(host), config_(config), search_(host, config), jailing_(host, config.jail), process_(firecracker_process())
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
        probe.facts = {{"program", found->program}, {"version", to_string(found->version)}, {"accelerator", "kvm"}};
        probe.usable = problem->empty();
        probe.reason = probe.usable ? "Firecracker " + to_string(found->version) + ": a guest ran on /dev/kvm" : *problem;
        if (!probe.usable)
            probe.hint = "give yourself access to a working /dev/kvm, or use --vmm qemu, which can emulate";
        probe.accepts = {"disk:raw", "link:tap", "link:none"};
        return probe.usable ? with_jail(std::move(probe), call) : probe;
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
        std::string why_not;
        auto jails = jailing_.look(why_not, call);
        if (!jails)
            return std::move(jails).error();
        const Noted noted{shape_of(spec, found->version),
                          spec.forkable ? std::optional<std::string>(since_boot) : std::nullopt,
                          config_.disk_rate.limits()};
        const auto requests = boot_requests(*jails != nullptr ? inside(spec) : spec, config_, found->version);
        return start_firecracker({found->program, {spec, {}}, *jails, requests, noted, config_.start_patience}, process_, call);
    }

    sdk::Result<void> release(const sdk::Handle& handle) override
    {
        auto released = process_.release(handle);
        return released ? remove_leftovers(handle.owner.directory) : released;
    }
    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        auto inspection = process_.inspect(handle);
        if (!inspection || !inspection->present)
            return inspection;
        const auto pid = static_cast<pid_t>(std::strtol(inspection->facts.at("pid").c_str(), nullptr, 10));
        inspection->facts.emplace("jail", is_jailed(pid) ? "yes" : "no");
        inspection->facts.merge(what_it_says(process_, handle));
        return inspection;
    }
    sdk::Result<std::vector<sdk::Handle>> list() override { return process_.list(host_); }
    sdk::Result<void> kill(const sdk::Handle& handle, int signal) override { return process_.kill(handle, signal); }

    sdk::Result<sdk::os::UniqueFd> open_channel(const sdk::Handle& handle, sdk::Call& call) override
    {
        auto served = connect_to(process_, handle, sdk::agent_socket_name);
        return served ? dial_agent(std::move(served->socket), call) : std::move(served).error();
    }

private:
    sdk::Result<sdk::Probe> with_jail(sdk::Probe probe, sdk::Call& call) const
    {
        std::string why_not;
        const auto jails = jailing_.look(why_not, call);
        if (!jails && jails.error().code == Code::cancelled)
            return jails.error();
        const bool jailed = jails && *jails != nullptr;
        probe.usable = jails.has_value();
        if (!jails) {
            probe.reason = jails.error().message;
            probe.hint = jails.error().hint;
        } else {
            probe.reason += jailed ? "; each vm gets a jail of its own" : "; without a jail: " + why_not;
        }
        probe.facts["jail"] = jailed ? "yes" : "no";
        return probe;
    }

    sdk::Host& host_;
    const Config config_;
    Search search_;
    Jailing jailing_;
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
