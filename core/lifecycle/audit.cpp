// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/handles/audit.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

#include "banger/sdk/os/file.hpp"
#include "core/base/ids.hpp"
#include "core/lifecycle/stray_files.hpp"
#include "core/lifecycle/teardown.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {
namespace {

// Socket files in a VM's directory. Never connected to: the agent's channel takes one client at a time.
std::vector<std::string> sockets_in(const std::string& directory)
{
    std::vector<std::string> sockets;
    auto names = sdk::os::list_directory(directory);
    if (!names)
        return sockets;
    for (const auto& name : *names) {
        const std::string path = directory + "/" + name;
        struct stat status {};
        if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode))
            sockets.push_back(path);
    }
    return sockets;
}

// `late`: VMs whose teardown takes longer than anybody waits.
std::string what_is_unfinished(Engine& engine, const model::VmRecord& vm, const std::set<std::string>& late)
{
    if (engine.in_teardown.has(vm.id) && !late.contains(vm.id))
        return {};  // it began meanwhile
    return left_of(engine, vm).value_or("");
}

handles::VmEvidence evidence_of(Engine& engine, const std::string& id)
{
    handles::VmEvidence vm;
    vm.owner = engine.owner_of(id);
    vm.has_directory = sdk::os::exists(vm.owner.directory);
    vm.in_transition = engine.vm_locks.holder(id).has_value();
    vm.journal = handles::read_journal(vm.owner);
    return vm;
}

sdk::Result<handles::Evidence> gather(Engine& engine, const std::set<std::string>& late, Operation& operation)
{
    handles::Evidence evidence;
    auto listing = engine.operations.list(&operation);
    evidence.live = std::move(listing.handles);
    for (auto& error : listing.unasked)
        evidence.unasked.push_back(error.message);
    std::map<std::string, model::VmRecord> known;
    auto records = engine.store.list_all();
    if (!records)
        return std::move(records).error();
    for (const auto& record : *records)
        known.emplace(record.id, record);
    std::set<std::string> ids;
    for (const auto& [id, record] : known)
        ids.insert(id);
    auto directories = sdk::os::list_directory(engine.paths.vms());
    if (!directories)
        return std::move(directories).error();
    for (const auto& name : *directories) {
        if (base::is_vm_id(name))
            ids.insert(name);
    }
    for (const auto& id : ids) {
        auto vm = evidence_of(engine, id);
        if (const auto record = known.find(id); record != known.end()) {
            vm.has_row = true;
            vm.name = record->second.name;
            vm.unfinished = what_is_unfinished(engine, record->second, late);
        }
        evidence.vms.push_back(std::move(vm));
    }
    const StrayFiles strays = stray_files(engine);
    evidence.unfinished_files = strays.unfinished;
    evidence.unknown_files.insert(evidence.unknown_files.end(), strays.unknown.begin(), strays.unknown.end());
    for (auto& vm : evidence.vms) {
        const bool has_live = std::any_of(evidence.live.begin(), evidence.live.end(),
                                          [&](const sdk::Handle& handle) { return handle.owner.vm == vm.owner.vm; });
        if (vm.journal.entries.empty() && !has_live)  // whoever listened is gone
            vm.stale_sockets = sockets_in(vm.owner.directory);
    }
    return evidence;
}

// The host moves on while it is looked at: what was only passing is no finding.
bool still_true(Engine& engine, const handles::Finding& finding, const std::set<std::string>& late)
{
    using Kind = handles::Finding::Kind;
    if (finding.kind == Kind::unfinished_teardown) {
        const auto vm = engine.store.find_id(finding.vm);
        return vm && !what_is_unfinished(engine, *vm, late).empty();
    }
    if (!finding.vm.empty() && engine.vm_locks.holder(finding.vm))
        return false;
    const auto journal = handles::read_journal(engine.owner_of(finding.vm));
    const bool named = std::any_of(journal.entries.begin(), journal.entries.end(),
                                   [&](const handles::Entry& entry) { return entry.same_key(finding.handle); });
    if (finding.kind == Kind::missing_object)
        return named;
    if (finding.kind == Kind::unfinished_file)
        return sdk::os::exists(finding.path);
    if (finding.kind == Kind::row_without_directory || finding.kind == Kind::directory_without_row)
        return sdk::os::exists(finding.path) != engine.store.find_id(finding.vm).has_value();
    if (finding.kind != Kind::unclaimed_object)
        return true;
    auto inspected = engine.operations.inspect(finding.handle);
    return !named && (!inspected || inspected->present);
}

// An object of a VM that is known belongs to it, whatever its journal lost; one of nobody goes.
sdk::Result<std::string> settle_unclaimed(Engine& engine, const handles::Finding& finding)
{
    const bool known = sdk::os::exists(engine.owner_of(finding.vm).directory) || engine.store.find_id(finding.vm);
    if (!known) {
        if (auto released = engine.operations.release(finding.handle); !released)
            return std::move(released).error();
        return std::string("removed");
    }
    auto journal = engine.journal_of(finding.vm);
    if (!journal)
        return std::move(journal).error();
    if (auto noted = journal->note_bound(finding.handle); !noted)
        return std::move(noted).error();
    return std::string("noted");
}

sdk::Result<std::string> settle_missing(Engine& engine, const handles::Finding& finding)
{
    auto journal = engine.journal_of(finding.vm);
    if (!journal)
        return std::move(journal).error();
    if (auto released = journal->release(finding.handle); !released)
        return std::move(released).error();
    return std::string("removed");
}

std::string repair_one(Engine& engine, const handles::Finding& finding)
{
    using Kind = handles::Finding::Kind;
    if (!finding.repairable())
        return "none";
    // Nobody may begin with this VM between the second look and the repair.
    auto lock = engine.vm_locks.try_lock(finding.vm, "vm " + finding.vm + " is being repaired");
    if (!lock)
        return lock.error().message;
    sdk::Result<std::string> done = std::string("removed");
    if (finding.kind == Kind::unclaimed_object)
        done = settle_unclaimed(engine, finding);
    else if (finding.kind == Kind::missing_object)
        done = settle_missing(engine, finding);
    else if (auto removed = sdk::os::remove_file(finding.path); !removed)
        done = std::move(removed).error();
    return done ? *done : done.error().message;
}

}  // namespace

bool AuditReport::clean() const
{
    return std::all_of(lines.begin(), lines.end(), [](const Line& line) { return line.action == "removed" || line.action == "noted"; });
}

sdk::Result<AuditReport> audit(Engine& engine, bool repair, Operation& operation)
{
    const auto late = [&] {
        const auto span = operation.span("wait for teardowns");
        return await_teardowns(engine, operation);
    }();
    sdk::Result<handles::Evidence> evidence = [&] {
        const auto span = operation.span("ask providers");
        return gather(engine, late, operation);
    }();
    if (!evidence)
        return std::move(evidence).error();
    if (auto wanted = operation.check(); !wanted)
        return std::move(wanted).error();
    AuditReport report;
    const auto span = operation.span(repair ? "compare and repair" : "compare");
    for (auto& finding : handles::compare(*evidence, engine.operations)) {
        if (!still_true(engine, finding, late))
            continue;
        std::string action = repair ? repair_one(engine, finding) : "none";
        report.lines.push_back({std::move(finding), std::move(action)});
    }
    return report;
}

}  // namespace banger::lifecycle
