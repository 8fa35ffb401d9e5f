// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/handles/audit.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

#include "banger/sdk/os/file.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {
namespace {

bool is_vm_id(const std::string& name)
{
    return name.size() == 12 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

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

handles::VmEvidence evidence_of(Engine& engine, const std::string& id)
{
    handles::VmEvidence vm;
    vm.owner = engine.owner_of(id);
    vm.has_directory = sdk::os::exists(vm.owner.directory);
    vm.in_transition = engine.vm_locks.holder(id).has_value();
    vm.journal = handles::read_journal(vm.owner);
    if (vm.journal.entries.empty())  // whoever listened is gone
        vm.stale_sockets = sockets_in(vm.owner.directory);
    return vm;
}

sdk::Result<handles::Evidence> gather(Engine& engine)
{
    handles::Evidence evidence;
    std::map<std::string, std::string> names;
    auto records = engine.store.list();
    if (!records)
        return std::move(records).error();
    for (const auto& record : *records)
        names.emplace(record.id, record.name);
    std::set<std::string> ids;
    for (const auto& [id, name] : names)
        ids.insert(id);
    auto directories = sdk::os::list_directory(engine.paths.vms());
    if (!directories)
        return std::move(directories).error();
    for (const auto& name : *directories) {
        if (is_vm_id(name))
            ids.insert(name);
        else
            evidence.unknown_files.push_back(engine.paths.vms() + "/" + name);
    }
    for (const auto& id : ids) {
        auto vm = evidence_of(engine, id);
        if (const auto name = names.find(id); name != names.end()) {
            vm.has_row = true;
            vm.name = name->second;
        }
        evidence.vms.push_back(std::move(vm));
    }
    auto live = engine.operations.list();
    if (!live)
        return std::move(live).error();
    evidence.live = std::move(*live);
    return evidence;
}

std::string repair_one(Engine& engine, const handles::Finding& finding)
{
    if (!finding.repairable())
        return "none";
    sdk::Result<void> done;
    if (finding.kind == handles::Finding::Kind::stale_socket) {
        done = sdk::os::remove_file(finding.path);
    } else if (finding.kind == handles::Finding::Kind::unclaimed_object) {
        done = engine.operations.release(finding.handle);
    } else {
        // The journal is ahead of the host: walking it back makes them agree.
        auto lock = engine.vm_locks.try_lock(finding.vm, "the vm is being repaired");
        if (!lock)
            return lock.error().message;
        auto journal = engine.journal_of(finding.vm);
        if (!journal)
            return journal.error().message;
        if (auto left = journal->release_all(); !left.empty())
            return left.front().message;
    }
    return done ? "removed" : done.error().message;
}

}  // namespace

bool AuditReport::clean() const
{
    return std::all_of(lines.begin(), lines.end(), [](const Line& line) { return line.action == "removed"; });
}

sdk::Result<AuditReport> audit(Engine& engine, bool repair, Operation& operation)
{
    auto evidence = gather(engine);
    if (!evidence)
        return std::move(evidence).error();
    if (auto wanted = operation.check(); !wanted)
        return std::move(wanted).error();
    AuditReport report;
    for (auto& finding : handles::compare(*evidence, engine.operations)) {
        std::string action = repair ? repair_one(engine, finding) : "none";
        report.lines.push_back({std::move(finding), std::move(action)});
    }
    return report;
}

}  // namespace banger::lifecycle
