// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "banger/sdk/os/file.hpp"
#include "core/lifecycle/adopt.hpp"
#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/stop.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {
namespace {

// A start or create that nobody carries on any more is undone, a deletion finished, a stop left to be finished; a live VM
// is adopted.
sdk::Result<void> settle(Engine& engine, model::VmRecord vm, Operation& operation, Reconciled& found)
{
    const auto span = operation.span("settle vm '" + vm.name + "'");
    auto lock = lock_vm(engine, vm, "reconciled", operation);
    if (!lock)
        return std::move(lock).error();
    const bool unfinished = vm.desired == model::Desired::creating || vm.desired == model::Desired::deleted;
    // Its session ended with the daemon that served it.
    const bool orphaned = vm.removal == model::Removal::with_session;
    if (unfinished || orphaned)
        return remove_locked(engine, vm, operation);
    if (!sdk::os::exists(engine.owner_of(vm.id).directory))
        return sdk::make_error(sdk::Code::corrupt, "the directory of vm '" + vm.name + "' is gone",
                               "`banger vm delete " + vm.name + "` forgets it");
    auto live = liveness_of(engine, vm);
    if (!live)
        return std::move(live).error();
    if (live->alive && vm.desired != model::Desired::starting) {
        auto adopted = adopt(engine, vm, *live);
        // Also one that could not be adopted: what its last daemon began to stop is not left running for that.
        if (vm.desired == model::Desired::stopped) {
            lock->now_doing("vm '" + vm.name + "' is being stopped");
            found.stopping.push_back({std::move(vm), std::move(*lock)});
        }
        return adopted;
    }
    if (!live->alive && vm.removal == model::Removal::when_stopped)
        return remove_locked(engine, vm, operation);
    return settle_stopped(engine, vm, operation);
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
    auto records = engine.store.list();
    if (!records) {
        troubles.push_back(records.error().message);
        return found;
    }
    for (auto& vm : *records)
        if (auto settled = settle(engine, vm, operation, found); !settled)
            troubles.push_back("vm '" + vm.name + "': " + settled.error().message);
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
