// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/teardown.hpp"

#include <algorithm>

#include "core/lifecycle/delete.hpp"
#include "core/lifecycle/liveness.hpp"

namespace banger::lifecycle {
namespace {

bool holds_something(const handles::JournalText& journal)
{
    return !journal.entries.empty();
}

// Of one that is lost only its providers can tell.
bool may_hold_something(const handles::JournalText& journal)
{
    return holds_something(journal) || journal.found == handles::Found::missing || journal.found == handles::Found::torn;
}

bool is_deleted(const model::VmRecord& vm)
{
    return vm.desired == model::Desired::deleted;
}

// Also one whose creation nobody carries on.
bool is_to_go(const model::VmRecord& vm)
{
    return is_deleted(vm) || vm.desired == model::Desired::creating || vm.removal == model::Removal::when_stopped;
}

std::string what_it_does(const model::VmRecord& vm)
{
    return "what vm '" + vm.name + "' held is being released";
}

void hand_over(Engine& engine, LockedVm vm)
{
    vm.lock.now_doing(what_it_does(vm.record));
    engine.in_teardown.add(vm.record.id);
    engine.tear_down_later(std::make_shared<LockedVm>(std::move(vm)));
}

}  // namespace

sdk::Result<void> tear_down(Engine& engine, const model::VmRecord& vm, Operation& operation)
{
    operation.concerns(vm.id);
    if (is_deleted(vm))
        return remove_rest(engine, vm, operation);
    if (is_to_go(vm))
        return remove_locked(engine, vm, operation);
    const auto span = operation.span("release");
    auto journal = engine.journal_of(vm.id);
    if (!journal)
        return std::move(journal).error();
    if (auto left = journal->release_all(); !left.empty())
        return std::move(left.front()).while_doing("release what vm '" + vm.name + "' held");
    if (vm.desired != model::Desired::running)
        return {};
    model::VmRecord stopped = vm;  // whoever ended it could not note that
    stopped.desired = model::Desired::stopped;
    return engine.store.update(stopped);
}

sdk::Result<void> leave_to_teardown(Engine& engine, LockedVm vm, Operation& operation)
{
    if (!is_to_go(vm.record) && !may_hold_something(engine.journals.read(engine.owner_of(vm.record.id))))
        return {};
    if (!engine.tear_down_later)
        return tear_down(engine, vm.record, operation);
    if (is_deleted(vm.record))
        engine.store.hide(vm.record.id);
    hand_over(engine, std::move(vm));
    return {};
}

sdk::Error leave_rest(Engine& engine, LockedVm&& vm, sdk::Error error)
{
    // What the store says now: the verb may have failed at noting it.
    auto now = engine.store.find_id(vm.record.id);
    if (now && engine.tear_down_later && unfinished(engine, *now)) {
        vm.record = std::move(*now);
        hand_over(engine, std::move(vm));
    }
    return error;
}

std::optional<std::string> unfinished(Engine& engine, const model::VmRecord& vm)
{
    if (is_deleted(vm))
        return "vm '" + vm.name + "' was deleted, and not all of it is gone";
    if (vm.desired == model::Desired::creating)
        return "vm '" + vm.name + "' was never finished, and not all of it is gone";
    if (!holds_something(engine.journals.read(engine.owner_of(vm.id))))
        return std::nullopt;
    // Also one that is to run and whose stop could not be noted.
    if (const auto live = liveness_of(engine, vm); live && !live->alive)
        return "vm '" + vm.name + "' is stopped, and not all that it held is released";
    return std::nullopt;
}

std::optional<std::string> left_of(Engine& engine, const model::VmRecord& vm)
{
    if (engine.in_teardown.has(vm.id))
        return "what vm '" + vm.name + "' held is still being released";
    return engine.vm_locks.holder(vm.id) ? std::nullopt : unfinished(engine, vm);
}

sdk::Result<void> await_teardown(Engine& engine, const model::VmRecord& vm, Operation& operation, base::Deadline deadline)
{
    if (!engine.in_teardown.has(vm.id))
        return {};
    operation.stage("waiting: " + what_it_does(vm));
    if (engine.in_teardown.await(vm.id, operation.token(), deadline))
        return {};
    if (auto wanted = operation.check(); !wanted)
        return wanted;
    return sdk::make_error(sdk::Code::busy, what_it_does(vm), "try again once that has ended");
}

std::set<std::string> await_teardowns(Engine& engine, Operation& operation,
                                      const std::function<bool(const model::VmRecord& vm)>& meant)
{
    const auto deadline = std::chrono::steady_clock::now() + patience_for_lock;
    std::set<std::string> late;
    for (const auto& id : engine.in_teardown.all()) {
        const auto vm = engine.store.find_id(id);
        if (!vm || (meant && !meant(*vm)))
            continue;
        if (const auto gone = await_teardown(engine, *vm, operation, deadline); !gone)
            late.insert(id);
    }
    return late;
}

}  // namespace banger::lifecycle
