// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <set>

#include "banger/sdk/os/file.hpp"
#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/stop.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {
namespace {

sdk::Result<model::VmRecord> recover_one(Engine& engine, const std::string& id, Operation& operation)
{
    auto record = engine.store.read_copy(id);
    if (!record)
        return std::move(record).error();
    auto lock = lock_vm(engine, *record, "recovered", operation);
    if (!lock)
        return std::move(lock).error();
    if (record->desired == model::Desired::creating || record->desired == model::Desired::deleted)
        return sdk::make_error(sdk::Code::precondition,
                               "it was being " + std::string(record->desired == model::Desired::creating ? "created"
                                                                                                         : "deleted"));
    const auto span = operation.span("recover vm '" + record->name + "'");
    auto live = liveness_of(engine, *record);
    if (!live)
        return std::move(live).error();
    record->desired = live->alive ? model::Desired::running : model::Desired::stopped;
    record->removal = model::Removal::never;  // whoever asks for recovery wants to keep it
    if (auto reserved = engine.store.reserve(*record); !reserved)
        return std::move(reserved).error();
    if (auto noted = engine.store.update(*record); !noted)
        return std::move(noted).error();
    if (live->alive) {
        auto journal = engine.journal_of(id);
        if (!journal)
            return std::move(journal).error();
        if (auto noted = journal->note_bound(live->vmm); !noted)
            return std::move(noted).error();
        engine.watch_exit(id, live->vmm);
    } else if (auto settled = settle_stopped(engine, *record, operation); !settled) {
        return std::move(settled).error();
    }
    return record;
}

}  // namespace

sdk::Result<Recovered> recover(Engine& engine, bool replace_database, Operation& operation)
{
    Recovered recovered;
    if (auto health = engine.store.health(); !health && !replace_database)
        return std::move(health).error();
    if (replace_database) {
        auto moved = engine.store.replace_database();
        if (!moved)
            return std::move(moved).error();
        recovered.database_moved_to = *moved;
    }
    const auto span = operation.span("read the records beside the disks");
    auto records = engine.store.list_all();
    if (!records)
        return std::move(records).error();
    std::set<std::string> known;
    for (const auto& record : *records)
        known.insert(record.id);
    auto names = sdk::os::list_directory(engine.paths.vms());
    if (!names)
        return std::move(names).error();
    for (const auto& id : *names) {
        if (known.count(id) > 0)
            continue;
        auto vm = recover_one(engine, id, operation);
        if (vm)
            recovered.vms.push_back(std::move(*vm));
        else
            recovered.skipped.push_back({engine.paths.vms() + "/" + id, vm.error().message});
    }
    return recovered;
}

}  // namespace banger::lifecycle
