// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/handles/audit.hpp"

#include <algorithm>

namespace banger::handles {
namespace {

std::string shown(const sdk::Handle& handle)
{
    std::string text = handle.kind + " " + handle.provider + " '" + handle.key + "'";
    if (const auto pid = handle.bound.find("pid"); pid != handle.bound.end())
        text += " (pid " + pid->second + ")";
    return text;
}

std::string shown(const VmEvidence& vm)
{
    return vm.name.empty() ? "vm " + vm.owner.vm : "vm '" + vm.name + "'";
}

void check_journal(const VmEvidence& vm, Operations& operations, std::vector<Finding>& findings)
{
    if (vm.journal.found == Found::torn)
        findings.push_back({Finding::Kind::unreadable_journal, "the journal of " + shown(vm) + " is torn", vm.owner.vm,
                            {}, vm.owner.directory + "/handles.json"});
    for (const auto& entry : vm.journal.entries) {
        auto inspected = operations.inspect(entry.handle);
        if (!inspected)
            findings.push_back({Finding::Kind::unknown_object,
                                "nobody can say whether " + shown(entry.handle) + " of " + shown(vm) +
                                    " exists: " + inspected.error().message,
                                vm.owner.vm, entry.handle, {}});
        else if (!inspected->present)
            findings.push_back({Finding::Kind::missing_object,
                                "the journal of " + shown(vm) + " names " + shown(entry.handle) + ", which is not there",
                                vm.owner.vm, entry.handle, {}});
    }
    for (const auto& path : vm.stale_sockets)
        findings.push_back({Finding::Kind::stale_socket, "nobody listens on the socket " + path, vm.owner.vm, {}, path});
}

void check_directory(const VmEvidence& vm, std::vector<Finding>& findings)
{
    if (vm.has_directory && !vm.has_row)
        findings.push_back({Finding::Kind::directory_without_row,
                            "the directory of vm " + vm.owner.vm + " has no row in the database (`banger vm recover`)",
                            vm.owner.vm, {}, vm.owner.directory});
    if (vm.has_row && !vm.has_directory)
        findings.push_back({Finding::Kind::row_without_directory,
                            shown(vm) + " has a row in the database, and no directory", vm.owner.vm, {},
                            vm.owner.directory});
}

}  // namespace

std::string_view to_string(Finding::Kind kind)
{
    switch (kind) {
    case Finding::Kind::unclaimed_object: return "unclaimed-object";
    case Finding::Kind::missing_object: return "missing-object";
    case Finding::Kind::unknown_object: return "unknown-object";
    case Finding::Kind::silent_provider: return "silent-provider";
    case Finding::Kind::unreadable_journal: return "unreadable-journal";
    case Finding::Kind::stale_socket: return "stale-socket";
    case Finding::Kind::directory_without_row: return "directory-without-row";
    case Finding::Kind::row_without_directory: return "row-without-directory";
    case Finding::Kind::unfinished_teardown: return "unfinished-teardown";
    case Finding::Kind::unfinished_file: return "unfinished-file";
    case Finding::Kind::unknown_file: return "unknown-file";
    }
    return "unknown-file";
}

std::vector<Finding> compare(const Evidence& evidence, Operations& operations)
{
    std::vector<Finding> findings;
    for (const auto& vm : evidence.vms) {
        if (!vm.unfinished.empty())
            findings.push_back({Finding::Kind::unfinished_teardown, vm.unfinished, vm.owner.vm, {}, {}});
        if (vm.in_transition)
            continue;
        check_journal(vm, operations, findings);
        check_directory(vm, findings);
    }
    for (const auto& handle : evidence.live) {
        const auto vm = std::find_if(evidence.vms.begin(), evidence.vms.end(),
                                     [&](const VmEvidence& one) { return one.owner.vm == handle.owner.vm; });
        if (vm != evidence.vms.end() &&
            (vm->in_transition || std::any_of(vm->journal.entries.begin(), vm->journal.entries.end(),
                                              [&](const Entry& entry) { return entry.same_key(handle); })))
            continue;
        findings.push_back({Finding::Kind::unclaimed_object, "no journal names " + shown(handle), handle.owner.vm,
                            handle, {}});
    }
    for (const auto& why : evidence.unasked)
        findings.push_back({Finding::Kind::silent_provider, why, {}, {}, {}});
    for (const auto& path : evidence.unfinished_files)
        findings.push_back({Finding::Kind::unfinished_file, path + " was left half made", {}, {}, path});
    for (const auto& path : evidence.unknown_files)
        findings.push_back({Finding::Kind::unknown_file, path + " is nothing that banger knows", {}, {}, path});
    return findings;
}

}  // namespace banger::handles
