// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {
sdk::Owner Engine::owner_of(const std::string& vm) const
{
    return {instance, vm, paths.vms() + "/" + vm};
}

sdk::Result<handles::HandleJournal> Engine::journal_of(const std::string& vm)
{
    return handles::HandleJournal::open(owner_of(vm), operations, journals);
}

sdk::Result<base::KeyedMutex::Lock> lock_vm(Engine& engine, const model::VmRecord& vm, const std::string& doing,
                                            Operation& operation,
                                            std::optional<std::chrono::milliseconds> patience)
{
    if (const auto holder = engine.vm_locks.holder(vm.id))
        operation.stage("waiting: " + base::described(*holder));
    return engine.vm_locks.lock(vm.id, "vm '" + vm.name + "' is being " + doing, &operation, patience);
}

sdk::Result<LockedVm> lock_found(Engine& engine, const model::VmRecord& found, const std::string& doing,
                                 Operation& operation, std::optional<std::chrono::milliseconds> patience)
{
    auto lock = lock_vm(engine, found, doing, operation, patience);
    if (!lock)
        return std::move(lock).error();
    // Somebody may have deleted or changed it while we waited.
    auto now = engine.store.find_id(found.id);
    if (!now && now.error().code == sdk::Code::not_found)
        return sdk::make_error(sdk::Code::not_found, "vm '" + found.name + "' was deleted meanwhile");
    if (!now)
        return std::move(now).error();
    operation.concerns(now->id);
    return LockedVm{std::move(*now), std::move(*lock)};
}

sdk::Result<LockedVm> find_and_lock(Engine& engine, const std::string& reference, const std::string& doing,
                                    Operation& operation, std::optional<std::chrono::milliseconds> patience)
{
    auto found = engine.store.find(reference);
    if (!found)
        return std::move(found).error();
    return lock_found(engine, *found, doing, operation, patience);
}

}  // namespace banger::lifecycle
