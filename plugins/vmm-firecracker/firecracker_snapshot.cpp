// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "firecracker_snapshot.hpp"

#include <algorithm>

#include "banger/sdk/boot_check.hpp"
#include "banger/sdk/os/file.hpp"
#include "boot.hpp"
#include "config.hpp"
#include "conversation.hpp"
#include "disk_swap.hpp"
#include "installation.hpp"
#include "jail.hpp"
#include "lent_save.hpp"
#include "machine_notes.hpp"
#include "save_files.hpp"
#include "start.hpp"

namespace banger::firecracker {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

constexpr std::chrono::minutes longest_save{30};
constexpr std::uint64_t hardly_anything = 1 << 20;  // bytes left on a disk that is full
// Before 1.15.0 differences of a memory in several parts were wrong, and on x86 it has more than one above this (its #5705).
constexpr Version saves_large_differences{1, 15, 0};
constexpr std::uint64_t one_part_mib = 3072;

ApiLimits limits_of(const sdk::Call& call)
{
    return {longest_save, call.cancel_descriptor()};
}

// Less than a host gives a method that cannot be cancelled, and a call that was, before it takes the plugin for hung. A
// Firecracker that writes a save answers only after that.
ApiLimits limits_without_call()
{
    return {std::chrono::seconds(80), -1};
}
ApiLimits limits_to_undo()
{
    return {std::chrono::seconds(15), -1};
}

std::string machine_of(const sdk::Handle& machine)
{
    return "the machine of VM " + machine.owner.vm;
}

// How the machine's Firecracker is to save it.
struct Plan {
    Noted noted;
    bool difference = false;  ///< over what it has in the file, or over nothing if that is new
};

std::optional<Version> version_in(const sdk::MachineShape& shape)
{
    return shape.empty() ? std::nullopt : Version::from(shape.front().second);
}

std::uint64_t memory_mib_in(const sdk::MachineShape& shape)
{
    for (const auto& [what, value] : shape)
        if (what == "memory")
            return std::strtoull(value.c_str(), nullptr, 10);
    return 0;
}

bool saves_differences(const sdk::MachineShape& shape)
{
    return version_in(shape) >= saves_large_differences || memory_mib_in(shape) <= one_part_mib;
}

// By what is known of the machine alone.
Result<Plan> plan_save(const sdk::Handle& machine, const sdk::SaveSpec& save)
{
    auto noted = MachineNotes(machine.owner.directory).machine();
    if (!noted && noted.error().code == Code::not_found)
        return make_error(Code::precondition, machine_of(machine) + " was started by a banger that could not save it",
                          "restart the vm");
    if (!noted)
        return std::move(noted).error().while_doing("look what machine VM " + machine.owner.vm + " has");
    if (const auto version = version_in(noted->shape); !version || !snapshot_problem(*version).empty())
        return make_error(Code::unsupported, version ? snapshot_problem(*version) : machine_of(machine) + " cannot be saved");
    if (noted->limits_disks)
        return make_error(Code::precondition,
                          machine_of(machine) + " cannot be saved, because its disks are limited and may write although "
                                                "it stands still",
                          "take disk_mib_per_second and disk_operations_per_second out of [plugin.vmm-firecracker], and "
                          "restart the vm");
    const bool differs = noted->since && saves_differences(noted->shape);
    if (save.base.empty())
        return Plan{*noted, differs && *noted->since == since_boot};
    if (!differs)
        return make_error(Code::precondition, machine_of(machine) + " was not started as one that is forked");
    const auto base = save_id(save.base);
    if (!saved_in(save.base).shape() || !base || *base != *noted->since)
        return make_error(Code::precondition, "the save in " + save.base + " is not the last one of " + machine_of(machine));
    return Plan{*noted, true};
}

// What a difference is over is looked at when it is copied.
std::uint64_t bytes_needed(const Plan& plan)
{
    return plan.difference ? hardly_anything : memory_mib_in(plan.noted.shape) << 20U;
}

// Firecracker says it in words only.
sdk::Error explain(sdk::Error error, const std::string& directory)
{
    if (os::free_bytes(directory).value_or(hardly_anything) < hardly_anything) {
        error.code = Code::no_space;
        error.hint = "make room on the disk that saves are written to";
    }
    return error;
}

class FirecrackerSnapshot final : public sdk::VmmSnapshot {
public:
    FirecrackerSnapshot(sdk::Host& host, const Config& config)
        : config_(config), search_(host, config), jailing_(host, config.jail), process_(firecracker_process())
    {
    }

    Result<sdk::Probe> probe(sdk::Call& call) override
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
        const auto problem = snapshot_problem(found->version);
        probe.usable = problem.empty();
        probe.reason = probe.usable ? "machines are saved while they stand still" : problem;
        if (!probe.usable)
            probe.hint = "install Firecracker 1.16.1 or newer";
        probe.offers = {"snapshot:full", "snapshot:difference"};
        probe.accepts = {"disk:raw"};
        return probe;
    }

    Result<void> pause(const sdk::Handle& machine) override
    {
        auto living = Conversation::with(process_, machine, limits_without_call());
        return living ? living->pause() : std::move(living).error();
    }

    Result<void> resume(const sdk::Handle& machine) override
    {
        auto living = Conversation::with(process_, machine, limits_without_call());
        if (!living)
            return std::move(living).error();
        if (auto resumed = living->resume(); !resumed)
            return resumed;
        // Of a save that was cut off.
        if (auto taken = take_back_save(machine.owner.directory); !taken)
            return taken;
        return notes_of(machine).forget_save();
    }

    Result<void> begin_save(const sdk::Handle& machine, const sdk::SaveSpec& save, sdk::Call& call) override
    {
        auto living = Conversation::with(process_, machine, limits_of(call));
        if (!living)
            return std::move(living).error();
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        if (auto free = must_be_free(machine); !free)
            return free;
        auto plan = plan_save(machine, save);
        if (!plan)
            return std::move(plan).error();
        if (auto room = must_have_room(save.directory, bytes_needed(*plan)); !room)
            return room;
        auto state = living->state();
        if (!state)
            return std::move(state).error();
        auto begun = prepare_and_pause(*living, machine, save, call);
        if (begun)
            return {};
        living->limit(limits_to_undo());
        if (*state == MachineState::running)
            (void)living->resume();
        (void)notes_of(machine).forget_save();
        (void)remove_save(save.directory);
        return explain(std::move(begun).error(), save.directory).while_doing("save " + machine_of(machine));
    }

    Result<void> finish_save(const sdk::Handle& machine, const sdk::SaveSpec& save, sdk::Call& call) override
    {
        auto living = Conversation::with(process_, machine, limits_of(call));
        if (!living)
            return std::move(living).error();
        const auto notes = notes_of(machine);
        auto begun = notes.save();
        if (!begun)
            return std::move(begun).error();
        if (!*begun || (*begun)->directory.empty())
            return make_error(Code::precondition, machine_of(machine) + " is not being saved");
        if ((*begun)->directory != save.directory)
            return make_error(Code::precondition, machine_of(machine) + " is being saved, but not to " + save.directory);
        auto written = call.cancelled() ? make_error(Code::cancelled, "cancelled") : write(*living, machine, save);
        // Whether finished or given up: it is saved again only after it was resumed.
        auto over = notes.note_save({});
        if (!written)
            return explain(std::move(written).error(), save.directory).while_doing("save " + machine_of(machine));
        return over;
    }

    Result<void> seal_save(const sdk::SaveSpec& save, sdk::Call& call) override
    {
        return saved_in(save.directory).seal(call);
    }

    Result<sdk::Attached<sdk::Machine>> restore(const sdk::RestoreSpec& spec, sdk::Call& call) override
    {
        auto saved = saved_in(spec.snapshot).shape();
        auto id = save_id(spec.snapshot);
        if (!saved || !id)
            return std::move(saved ? id.error() : saved.error());
        auto found = search_.look(call);
        if (!found)
            return std::move(found).error();
        if (const auto problem = snapshot_problem(found->version); !problem.empty())
            return make_error(Code::unsupported, problem);
        auto jails = jails_for(*saved, call);
        if (!jails)
            return std::move(jails).error();
        const auto shape = shape_of(spec.boot, found->version);
        if (auto fits = sdk::must_fit(*saved, shape); !fits)
            return std::move(fits).error();
        if (auto checked = check(spec.boot); !checked)
            return std::move(checked).error();
        if (auto checked = sdk::check_host(spec.boot); !checked)
            return std::move(checked).error();
        const Noted noted{shape, spec.boot.forkable ? std::optional(*id) : std::nullopt, config_.disk_rate.limits()};
        const auto requests = restore_requests(*jails != nullptr ? inside(spec) : spec, config_, found->version);
        auto restored = start_firecracker({found->program, spec, *jails, requests, noted, config_.start_patience}, process_, call);
        // All of the spec was looked at before: what Firecracker refuses is the state, as of another processor.
        if (!restored && restored.error().code == Code::invalid)
            restored.error().code = Code::precondition;
        return restored;
    }

    Result<void> swap_disks(const sdk::Handle& machine, const std::vector<sdk::Disk>& disks) override
    {
        auto living = Conversation::with(process_, machine, limits_without_call());
        if (!living)
            return std::move(living).error();
        return firecracker::swap_disks(*living, machine.owner.directory, disks);
    }

private:
    static MachineNotes notes_of(const sdk::Handle& machine) { return MachineNotes(machine.owner.directory); }

    static Result<void> must_be_free(const sdk::Handle& machine)
    {
        auto save = notes_of(machine).save();
        if (!save)
            return std::move(save).error();
        if (!*save)
            return {};
        if (!(*save)->directory.empty())
            return make_error(Code::precondition, machine_of(machine) + " is being saved already");
        return make_error(Code::precondition, machine_of(machine) + " stands still since it was saved last",
                          "resume it first");
    }

    // The base's memory is copied while the machine runs, and is on the disk before it stands still.
    static Result<void> prepare_and_pause(Conversation& living, const sdk::Handle& machine, const sdk::SaveSpec& save,
                                          const sdk::Call& call)
    {
        if (auto id = make_save_id(save.directory); !id)
            return std::move(id).error();
        if (!save.base.empty())
            if (auto copied = copy_memory(saved_in(save.base).path_of(memory_name),
                                          saved_in(save.directory).path_of(memory_name), call);
                !copied)
                return copied;
        if (auto noted = notes_of(machine).note_save({save.directory}); !noted)
            return noted;
        return living.pause();
    }

    // What makes the jail of a machine that goes on from this save, of whose shape nothing is left that says so; nullptr for none.
    Result<sdk::Jails*> jails_for(sdk::MachineShape& saved, sdk::Call& call) const
    {
        std::string why_not;
        auto jails = jailing_.look(why_not, call);
        if (take_jail_from(saved) && jails && *jails == nullptr)
            return make_error(Code::precondition, "the machine was saved in a jail and goes on in one only: " + why_not,
                              "`banger doctor` says what jails need");
        return jails;
    }

    static Result<void> write(Conversation& living, const sdk::Handle& machine, const sdk::SaveSpec& save)
    {
        auto plan = plan_save(machine, save);
        auto id = save_id(save.directory);
        if (!plan || !id)
            return std::move(plan ? id.error() : plan.error());
        const auto notes = notes_of(machine);
        const bool tracked = plan->noted.since.has_value();
        // Firecracker forgets what was written before, whether or not anybody sees the end of this.
        if (tracked)
            if (auto noted = notes.note_since(since_unknown); !noted)
                return noted;
        const auto saved = saved_in(save.directory);
        if (auto created = create(living, machine.owner.directory, saved, plan->difference); !created)
            return created;
        if (tracked)
            if (auto noted = notes.note_since(*id); !noted)
                return noted;
        return saved.describe(has_jail(machine.owner.directory) ? as_of_a_jail(plan->noted.shape) : plan->noted.shape);
    }

    static Result<void> create(Conversation& living, const std::string& vm_directory, const sdk::SavedMachine& saved,
                               bool difference)
    {
        if (!has_jail(vm_directory))
            return living.tell(create_snapshot(saved.path_of(devices_name), saved.path_of(memory_name), difference));
        auto created = lend_save(vm_directory, saved);
        if (created)
            created = living.tell(create_snapshot(lent_devices, lent_memory, difference));
        auto taken = take_back_save(vm_directory);
        return created ? taken : created;
    }

    const Config config_;
    Search search_;
    Jailing jailing_;
    const sdk::VmmProcess process_;
};

}  // namespace

Result<std::unique_ptr<sdk::VmmSnapshot>> make_snapshot(sdk::Host& host, std::string_view config)
{
    auto read = read_config(config);
    if (!read)
        return std::move(read).error();
    return std::unique_ptr<sdk::VmmSnapshot>(std::make_unique<FirecrackerSnapshot>(host, *read));
}

}  // namespace banger::firecracker
