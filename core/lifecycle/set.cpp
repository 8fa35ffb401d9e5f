// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/base/sizes.hpp"
#include "core/config/limits.hpp"
#include "core/lifecycle/facts.hpp"
#include "core/lifecycle/look.hpp"
#include "core/lifecycle/stopped.hpp"
#include "core/lifecycle/teardown.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/model/disks.hpp"

namespace banger::lifecycle {
namespace {

std::int64_t signed_of(std::uint64_t number)
{
    return static_cast<std::int64_t>(std::min<std::uint64_t>(number, INT64_MAX));
}

// Host limits may have changed since the VM was made, so only what is to change is looked at.
sdk::Result<model::VmRecord> changed(const Engine& engine, const model::VmRecord& vm, const Change& change)
{
    if (!change.vcpus && !change.memory_mib && !change.disk_bytes)
        return sdk::make_error(sdk::Code::invalid, "nothing is to be changed about vm '" + vm.name + "'");
    model::VmRecord wanted = vm;
    if (change.vcpus) {
        if (auto legal = config::check_vcpus("vcpus", signed_of(*change.vcpus), engine.host); !legal)
            return std::move(legal).error();
        wanted.vcpus = *change.vcpus;
    }
    if (change.memory_mib) {
        if (auto legal = config::check_memory("memory", signed_of(*change.memory_mib), engine.host); !legal)
            return std::move(legal).error();
        wanted.memory_mib = *change.memory_mib;
    }
    if (change.disk_bytes) {
        if (auto legal = config::check_disk("disk", signed_of(*change.disk_bytes)); !legal)
            return std::move(legal).error();
        wanted.disk_bytes = *change.disk_bytes;
    }
    if (wanted.disk_bytes < vm.disk_bytes)
        return sdk::make_error(sdk::Code::invalid,
                               "the disks of vm '" + vm.name + "' only grow: they are " +
                                   base::format_size(vm.disk_bytes) + " long, more than " +
                                   base::format_size(wanted.disk_bytes),
                               "make a new VM for a smaller one");
    return wanted;
}

// What the next start would do with the disks, done now: whoever asked hears at once if it cannot be.
sdk::Result<void> grow_disks(Engine& engine, const model::VmRecord& vm, Operation& operation)
{
    const auto span = operation.span("grow disks");
    return with_disks(engine, vm, operation, [](const std::vector<sdk::Disk>&) { return sdk::Result<void>(); });
}

// Whether no disk is longer than that; false also if that cannot be told.
bool disks_are_within(Engine& engine, const model::VmRecord& vm, std::uint64_t most)
{
    for (const auto& role : model::writable_disk_roles()) {
        const auto bytes = number_in<std::uint64_t>(disk_facts(engine, vm, role).value_or({}), "bytes");
        if (!bytes || *bytes > most)
            return false;
    }
    return true;
}

}  // namespace

sdk::Result<model::VmRecord> set_vm(Engine& engine, const std::string& reference, const Change& change,
                                    Operation& operation)
{
    auto locked = find_and_lock(engine, reference, "changed", operation);
    if (!locked)
        return std::move(locked).error();
    const model::VmRecord& before = locked->record;
    auto wanted = changed(engine, before, change);
    if (!wanted)
        return std::move(wanted).error();
    if (auto stopped = check_stopped(engine, before, "changed"); !stopped)
        return std::move(stopped).error();
    if (auto still = operation.check(); !still)
        return std::move(still).error();
    operation.commit();
    // First the record: a start after a crash grows the disks to what it says, and no disk is ever longer than that.
    auto done = engine.store.update(*wanted);
    if (done && wanted->disk_bytes > before.disk_bytes)
        done = grow_disks(engine, *wanted, operation);
    if (done)
        return wanted;
    auto error = std::move(done).error().while_doing("change vm '" + before.name + "'");
    if (!disks_are_within(engine, before, before.disk_bytes))
        error.during.push_back("keep the new length on record: its next start grows the disks that are shorter");
    else if (auto restored = engine.store.update(before); !restored)
        error.during.push_back("left behind: " + restored.error().message);
    return leave_rest(engine, std::move(*locked), std::move(error));
}

}  // namespace banger::lifecycle
