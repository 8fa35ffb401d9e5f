// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "banger/sdk/os/file.hpp"
#include "core/base/synchronized.hpp"
#include "core/base/worker_pool.hpp"
#include "core/lifecycle/adopt.hpp"
#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/stop.hpp"
#include "core/lifecycle/teardown.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {
namespace {

// VMMs that are asked at a time. One that does not answer is waited for, for half a minute and more.
constexpr std::size_t most_at_once = 8;

using Stopping = base::Synchronized<std::vector<LockedVm>>;

bool nobody_carries_on(const model::VmRecord& vm)
{
    const bool unfinished = vm.desired == model::Desired::creating || vm.desired == model::Desired::deleted;
    // Its session ended with the daemon that served it.
    const bool orphaned = vm.removal == model::Removal::with_session;
    return unfinished || orphaned;
}

// Takes a VM over that lives and is to, or leaves its stop to be finished. None for any other.
std::optional<sdk::Result<void>> adopt_living(Engine& engine, model::VmRecord vm, Operation& operation,
                                              Stopping& stopping)
{
    if (nobody_carries_on(vm) || vm.desired == model::Desired::starting ||
        !sdk::os::exists(engine.owner_of(vm.id).directory))
        return std::nullopt;
    auto lock = lock_vm(engine, vm, "reconciled", operation);
    if (!lock)
        return std::move(lock).error();
    auto live = liveness_of(engine, vm);
    if (!live)
        return std::move(live).error();
    if (!live->alive)
        return std::nullopt;
    auto adopted = adopt(engine, vm, *live, operation);
    // Also one that could not be adopted: what its last daemon began to stop is not left running for that.
    if (vm.desired == model::Desired::stopped) {
        lock->now_doing("vm '" + vm.name + "' is being stopped");
        stopping.lock()->push_back({std::move(vm), std::move(*lock)});
    }
    return adopted;
}

// Side by side, for a host may have many VMMs that do not answer, and nobody is served before. The answers are in the
// records' order.
std::vector<std::optional<sdk::Result<void>>> adopt_all_living(Engine& engine,
                                                               const std::vector<model::VmRecord>& records,
                                                               Operation& operation, Reconciled& found)
{
    std::vector<std::optional<sdk::Result<void>>> adopted(records.size());
    Stopping stopping;
    {
        base::WorkerPool workers(most_at_once);
        for (std::size_t i = 0; i < records.size(); ++i)
            workers.post([&, i] { adopted[i] = adopt_living(engine, records[i], operation, stopping); });
    }
    found.stopping = std::move(*stopping.lock());
    return adopted;
}

sdk::Result<void> settle_locked(Engine& engine, model::VmRecord& vm, Operation& operation)
{
    if (nobody_carries_on(vm))
        return remove_locked(engine, vm, operation);
    if (!sdk::os::exists(engine.owner_of(vm.id).directory))
        return sdk::make_error(sdk::Code::corrupt, "the directory of vm '" + vm.name + "' is gone",
                               "`banger vm delete " + vm.name + "` forgets it");
    auto live = liveness_of(engine, vm);
    if (!live)
        return std::move(live).error();
    if (!live->alive && vm.removal == model::Removal::when_stopped)
        return remove_locked(engine, vm, operation);
    return settle_stopped(engine, vm, operation);
}

// One that was not adopted: a start or create that nobody carries on any more is undone, a deletion finished.
sdk::Result<void> settle(Engine& engine, model::VmRecord vm, Operation& operation, Reconciled& found)
{
    const auto span = operation.span("settle vm '" + vm.name + "'");
    auto lock = lock_vm(engine, vm, "reconciled", operation);
    if (!lock)
        return std::move(lock).error();
    auto settled = settle_locked(engine, vm, operation);
    if (auto now = engine.store.find_id(vm.id); !settled && now && unfinished(engine, *now))
        found.unfinished.push_back({std::move(*now), std::move(*lock)});
    return settled;
}

// A directory without a row: its database was lost. What was half made or half deleted goes; what a dead VM held is
// released; the rest is left as it is for `vm recover`.
sdk::Result<void> settle_rowless(Engine& engine, const std::string& id, Operation& operation, Reconciled& found)
{
    auto vm = engine.store.read_copy(id);
    if (!vm)
        return {};  // not a VM's directory, or torn: audit shows it
    if (vm->desired == model::Desired::creating || vm->desired == model::Desired::deleted) {
        if (auto reserved = engine.store.reserve(*vm); !reserved)
            return reserved;
        return settle(engine, std::move(*vm), operation, found);
    }
    auto live = liveness_of(engine, *vm);
    if (!live || live->alive)
        return live ? sdk::Result<void>() : sdk::Result<void>(std::move(live).error());
    auto journal = engine.journal_of(id);
    if (!journal)
        return std::move(journal).error();
    auto left = journal->release_all();
    return left.empty() ? sdk::Result<void>() : sdk::Result<void>(std::move(left.front()));
}

}  // namespace

Reconciled reconcile(Engine& engine, Operation& operation)
{
    Reconciled found;
    auto& troubles = found.troubles;
    auto records = engine.store.list_all();
    if (!records) {
        troubles.push_back(records.error().message);
        return found;
    }
    auto adopted = adopt_all_living(engine, *records, operation, found);
    for (std::size_t i = 0; i < records->size(); ++i) {
        const auto& vm = (*records)[i];
        if (auto settled = adopted[i] ? std::move(*adopted[i]) : settle(engine, vm, operation, found); !settled)
            troubles.push_back("vm '" + vm.name + "': " + settled.error().message);
    }
    auto directories = sdk::os::list_directory(engine.paths.vms());
    if (!directories) {
        troubles.push_back(directories.error().message);
        return found;
    }
    for (const auto& id : *directories) {
        const bool has_row = std::any_of(records->begin(), records->end(), [&](const auto& vm) { return vm.id == id; });
        if (has_row)
            continue;
        if (auto settled = settle_rowless(engine, id, operation, found); !settled)
            troubles.push_back("directory " + id + ": " + settled.error().message);
    }
    return found;
}

}  // namespace banger::lifecycle
