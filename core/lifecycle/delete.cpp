// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/delete.hpp"

#include <algorithm>

#include "banger/sdk/os/file.hpp"
#include "core/base/fault.hpp"
#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/reach.hpp"
#include "core/lifecycle/stop.hpp"
#include "core/lifecycle/teardown.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/model/disks.hpp"

namespace banger::lifecycle {
namespace {

sdk::Error what_is_left(const model::VmRecord& vm, std::vector<sdk::Error> left)
{
    sdk::Error error = std::move(left.front());
    for (std::size_t i = 1; i < left.size(); ++i)
        error.during.push_back("left behind: " + left[i].message);
    return std::move(error).while_doing("delete vm '" + vm.name + "'").with_hint(
        "the vm is kept until it can be deleted: `banger vm show " + vm.name + "` lists what is left");
}

}  // namespace

namespace {

// Without a directory there is no journal: what the VM holds is found by the names it carries.
sdk::Result<void> release_listed(Engine& engine, const model::VmRecord& vm)
{
    auto live = engine.operations.list_of(engine.owner_of(vm.id));
    if (!live)
        return std::move(live).error();
    std::vector<sdk::Error> left;
    for (const auto& handle : *live)
        if (auto released = engine.operations.release(handle); !released)
            left.push_back(std::move(released).error());
    if (!left.empty())
        return what_is_left(vm, std::move(left));
    return {};
}

}  // namespace

sdk::Result<model::VmRecord> begin_removal(Engine& engine, const model::VmRecord& record, Operation& operation)
{
    operation.commit();  // a deletion that began goes to its end
    model::VmRecord vm = record;
    vm.desired = model::Desired::deleted;
    if (!sdk::os::exists(engine.owner_of(vm.id).directory)) {
        close_reach(engine, vm, operation);
        return vm;
    }
    if (auto noted = engine.store.update(vm); !noted)
        return std::move(noted).error();
    if (auto ended = end_machine(engine, vm, operation); !ended)
        return what_is_left(vm, {std::move(ended).error()});
    return vm;
}

sdk::Result<void> remove_rest(Engine& engine, const model::VmRecord& vm, Operation& operation)
{
    const sdk::Owner owner = engine.owner_of(vm.id);
    const bool has_directory = sdk::os::exists(owner.directory);
    if (has_directory) {
        const auto span = operation.span("release");
        auto journal = engine.journal_of(vm.id);
        if (!journal)
            return std::move(journal).error();
        if (auto left = journal->release_all(); !left.empty())
            return what_is_left(vm, std::move(left));
    } else if (auto released = release_listed(engine, vm); !released) {
        return released;
    }
    const auto span = operation.span("remove disks");
    if (has_directory) {
        auto storage = engine.registry.get<sdk::Storage>(vm.storage);
        if (!storage)
            return std::move(storage).error().while_doing("delete the disks of vm '" + vm.name + "'");
        for (const auto& role : model::writable_disk_roles())
            if (auto destroyed = (*storage)->destroy(owner, role); !destroyed)
                return std::move(destroyed).error().while_doing("delete the " + role + " disk of vm '" + vm.name + "'");
        if (auto fault = base::fault::reach("remove vm directory"); !fault)
            return fault;
        if (auto removed = sdk::os::remove_tree(owner.directory); !removed)
            return removed;
    }
    engine.journals.forget(vm.id);
    engine.usage.forget(vm.id);
    engine.standing.remove(vm.id);
    return engine.store.remove(vm.id);
}

sdk::Result<void> remove_locked(Engine& engine, const model::VmRecord& vm, Operation& operation)
{
    auto going = begin_removal(engine, vm, operation);
    if (!going)
        return std::move(going).error();
    return remove_rest(engine, *going, operation);
}

namespace {

sdk::Result<void> check_conditions(Engine& engine, const model::VmRecord& vm, const DeleteOptions& options)
{
    if (options.only_stopped) {
        auto live = liveness_of(engine, vm);
        if (!live)
            return std::move(live).error();
        if (live->alive)
            return sdk::make_error(sdk::Code::precondition, "vm '" + vm.name + "' runs, so it is not deleted");
    }
    if (options.not_started_since && std::max(vm.started, vm.created) >= *options.not_started_since)
        return sdk::make_error(sdk::Code::precondition, "vm '" + vm.name + "' was started meanwhile");
    // Before anything of it is touched.
    if (sdk::os::exists(engine.owner_of(vm.id).directory))
        if (auto storage = engine.registry.get<sdk::Storage>(vm.storage); !storage)
            return std::move(storage).error().while_doing("find who removes the disks of vm '" + vm.name + "'");
    return {};
}

// Of one that is half deleted the rest is removed before the answer: whoever asks again wants to know what keeps it. And of
// one without a directory, of which nothing was noted or ended yet: it would be there again after a crash.
sdk::Result<void> delete_locked(Engine& engine, LockedVm&& locked, Operation& operation)
{
    const bool at_once = locked.record.desired == model::Desired::deleted ||
                         !sdk::os::exists(engine.owner_of(locked.record.id).directory);
    auto going = begin_removal(engine, locked.record, operation);
    if (!going)
        return leave_rest(engine, std::move(locked), std::move(going).error());
    locked.record = std::move(*going);
    if (at_once) {
        auto removed = remove_rest(engine, locked.record, operation);
        return removed ? removed : leave_rest(engine, std::move(locked), std::move(removed).error());
    }
    return leave_to_teardown(engine, std::move(locked), operation);
}

}  // namespace

sdk::Result<model::VmRecord> delete_vm(Engine& engine, const std::string& reference, const DeleteOptions& options,
                                       Operation& operation)
{
    auto found = engine.store.find(reference);
    if (!found)
        return std::move(found).error();
    const bool called_off = !options.only_stopped && engine.underway.call_off(found->id);
    auto locked = lock_found(engine, *found, "deleted", operation, options.patience);
    if (!locked && called_off && locked.error().code == sdk::Code::not_found)
        return found;  // its creation rolled back, which is what was asked for
    if (!locked)
        return std::move(locked).error();
    if (options.on_locked)
        options.on_locked();
    if (auto allowed = check_conditions(engine, locked->record, options); !allowed)
        return std::move(allowed).error();
    model::VmRecord vm = locked->record;
    if (auto removed = delete_locked(engine, std::move(*locked), operation); !removed)
        return std::move(removed).error();
    return vm;
}

}  // namespace banger::lifecycle
