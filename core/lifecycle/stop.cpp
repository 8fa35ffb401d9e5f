// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/stop.hpp"

#include <algorithm>
#include <csignal>

#include "core/guest/agent_client.hpp"
#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/reach.hpp"
#include "core/lifecycle/room.hpp"
#include "core/lifecycle/teardown.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/plugins/kinds.hpp"

namespace banger::lifecycle {
namespace {

constexpr std::chrono::seconds patience_for_sync{5};

bool is_vmm(const handles::Entry& entry)
{
    return entry.handle.kind == plugins::kind_of<sdk::Vmm>;
}

// Asks the guest's init to power off and waits for the VMM to end. False if it did not within the time, all in all.
bool power_off(Engine& engine, const model::VmRecord& vm, const Liveness& live, std::chrono::milliseconds timeout,
               Operation& operation)
{
    const auto span = operation.span("power off");
    operation.stage("power off vm '" + vm.name + "'");
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    auto agent = agent_of(engine, vm, operation, timeout);
    if (!agent)
        return false;
    // The answer may be lost with the guest; what counts is that the VMM ends.
    (void)(*agent)->shutdown({deadline, operation.token()});
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return wait_until_gone(live, std::max(left, std::chrono::milliseconds(0)), operation).has_value();
}

void flush(Engine& engine, const model::VmRecord& vm, Operation& operation)
{
    const auto span = operation.span("sync");
    if (auto agent = agent_of(engine, vm, operation, patience_for_sync))
        (void)(*agent)->sync(guest::Patience::of(patience_for_sync, operation.token()));
}

// Returns when the guest has ended, or what it wrote is safe and it may be cut.
void end_guest(Engine& engine, const model::VmRecord& vm, const Liveness& live, std::chrono::milliseconds timeout,
               Operation& operation)
{
    // One that stands for want of room could write nothing down; what is left of it is meant for that.
    (void)wake(engine, vm, live);
    if (timeout.count() > 0) {
        if (power_off(engine, vm, live, timeout, operation))
            return;
        operation.warn("vm '" + vm.name + "' did not power off by itself within " +
                       std::to_string(std::chrono::ceil<std::chrono::seconds>(timeout).count()) +
                       " s: it is synced and cut off");
    }
    flush(engine, vm, operation);
}

}  // namespace

sdk::Result<void> end_machine(Engine& engine, const model::VmRecord& vm, Operation& operation)
{
    const auto span = operation.span("end the machine");
    close_reach(engine, vm, operation);
    engine.agents.drop(vm.id);
    engine.standing.remove(vm.id);
    auto journal = engine.journal_of(vm.id);
    if (!journal)
        return std::move(journal).error();
    auto left = journal->release_down_to(plugins::kind_of<sdk::Vmm>);
    // What else would not go, such as a freeze, is a teardown's as well. An error for each, the newest first.
    const auto& kept = journal->entries();
    const auto vmm = std::find_if(kept.begin(), kept.end(), is_vmm);
    if (vmm == kept.end())
        return {};
    return std::move(left.at(static_cast<std::size_t>(kept.end() - vmm) - 1));
}

sdk::Result<void> settle_machine(Engine& engine, model::VmRecord& vm, Operation& operation)
{
    auto ended = end_machine(engine, vm, operation);
    if (vm.desired != model::Desired::deleted)
        vm.desired = model::Desired::stopped;
    auto noted = engine.store.update(vm);
    if (!noted && !ended)
        noted.error().during.push_back("left behind: " + ended.error().message);
    if (!noted)
        return noted;
    return ended ? ended : std::move(ended).error().while_doing("stop vm '" + vm.name + "'");
}

sdk::Result<void> settle_stopped(Engine& engine, model::VmRecord& vm, Operation& operation)
{
    auto ended = settle_machine(engine, vm, operation);
    auto released = tear_down(engine, vm, operation);
    return ended ? released : ended;
}

sdk::Result<void> stop_locked(Engine& engine, model::VmRecord& vm, const Liveness& live,
                              std::chrono::milliseconds timeout, Operation& operation)
{
    if (live.alive) {
        vm.desired = model::Desired::stopped;
        if (auto noted = engine.store.update(vm); !noted)
            return noted;
        end_guest(engine, vm, live, timeout, operation);
    }
    return settle_machine(engine, vm, operation);
}

sdk::Result<model::VmRecord> stop_vm(Engine& engine, const std::string& reference, std::chrono::milliseconds timeout,
                                     Operation& operation)
{
    auto locked = find_and_lock(engine, reference, "stopped", operation);
    if (!locked)
        return std::move(locked).error();
    auto live = liveness_of(engine, locked->record);
    if (!live)
        return std::move(live).error();
    if (auto wanted = operation.check(); !wanted)
        return std::move(wanted).error();
    operation.commit();
    if (auto stopped = stop_locked(engine, locked->record, *live, timeout, operation); !stopped)
        return leave_rest(engine, std::move(*locked), std::move(stopped).error());
    model::VmRecord vm = locked->record;
    // Whoever stops what is stopped wants to know what keeps the rest.
    auto released = live->alive ? leave_to_teardown(engine, std::move(*locked), operation) : tear_down(engine, vm, operation);
    if (!released)
        return std::move(released).error();
    return vm;
}

sdk::Result<void> finish_stop(Engine& engine, LockedVm stopping, Operation& operation)
{
    operation.concerns(stopping.record.id);
    auto live = liveness_of(engine, stopping.record);
    if (!live)
        return std::move(live).error();
    if (live->alive)
        end_guest(engine, stopping.record, *live, default_stop_patience, operation);
    if (auto settled = settle_machine(engine, stopping.record, operation); !settled)
        return leave_rest(engine, std::move(stopping), std::move(settled).error());
    return leave_to_teardown(engine, std::move(stopping), operation);
}

namespace {

sdk::Result<void> settle_exited(Engine& engine, LockedVm exited, Operation& operation)
{
    const auto live = liveness_of(engine, exited.record);
    if (!live)
        return live.error();
    const auto desired = exited.record.desired;
    if (live->alive || desired == model::Desired::creating)
        return {};
    // Whoever ended it has decided about the rest as well, unless a start failed of one that goes once it is stopped.
    const auto held = engine.journals.read(engine.owner_of(exited.record.id)).entries;
    if (desired != model::Desired::running && exited.record.removal != model::Removal::when_stopped &&
        std::none_of(held.begin(), held.end(), is_vmm))
        return {};
    if (desired != model::Desired::deleted)
        if (auto settled = settle_machine(engine, exited.record, operation); !settled)
            return leave_rest(engine, std::move(exited), std::move(settled).error());
    return leave_to_teardown(engine, std::move(exited), operation);
}

}  // namespace

// Whoever ended the VMM may still be noting that, and then keep the lock for as long as a teardown takes.
sdk::Result<void> settle_exited_vm(Engine& engine, const std::string& id, Operation& operation)
{
    operation.concerns(id);
    auto found = engine.store.find_id(id);
    if (!found)
        return found.error().code == sdk::Code::not_found ? sdk::Result<void>() : std::move(found).error();
    base::CallContext until_teardown(operation.token(), {});
    const Teardowns::Cancels cancels(engine.in_teardown, id, until_teardown);
    // Not lock_found(): its wait would be a step of the operation, and end with patience.
    auto lock = engine.vm_locks.lock(id, "vm '" + found->name + "' is being settled after its VMM ended", &until_teardown);
    if (until_teardown.cancelled() && !operation.cancelled())
        return {};
    if (!lock)
        return std::move(lock).error();
    auto now = engine.store.find_id(id);
    if (!now)
        return now.error().code == sdk::Code::not_found ? sdk::Result<void>() : std::move(now).error();
    return settle_exited(engine, {std::move(*now), std::move(*lock)}, operation);
}

}  // namespace banger::lifecycle
