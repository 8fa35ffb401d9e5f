// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/render/vm.hpp"

#include "cli/render/table.hpp"
#include "cli/render/values.hpp"
#include "core/base/sizes.hpp"

namespace banger::cli {
namespace {

std::string memory_of(const json::Value& vm)
{
    return base::format_size(json::uint_or(vm, "memory_mib") * 1024 * 1024);
}

std::string disk_line(const json::Value& disk)
{
    return json::string_or(disk, "role") + ": " + base::format_size(json::uint_or(disk, "bytes")) + " " +
           json::string_or(disk, "format");
}

std::string providers_line(const json::Value& vm)
{
    const json::Value* providers = json::find(vm, "providers");
    if (providers == nullptr)
        return {};
    std::string line;
    for (const char* kind : {"vmm", "storage", "network"})
        if (const auto name = json::string_or(*providers, kind); !name.empty())
            line += (line.empty() ? "" : ", ") + std::string(kind) + " " + name;
    return line;
}

std::string handles_text(const json::Value& vm, std::size_t columns)
{
    const json::Value* handles = json::find(vm, "handles");
    if (handles == nullptr || !handles->IsArray())
        return {};
    Table table({"HANDLE", "PROVIDER", "STATE", "KEY", "BOUND"});
    for (const auto& handle : handles->GetArray())
        table.add({json::string_or(handle, "kind"), json::string_or(handle, "provider"),
                   json::string_or(handle, "state"), value_text(handle, "key"), value_text(handle, "bound")});
    return handles->Empty() ? "\nno handles\n" : "\n" + table.text(columns);
}

}  // namespace

std::string vm_table(const json::Value& list, std::size_t columns)
{
    Table table({"NAME", "STATE", "IMAGE", "CPUS", "MEMORY", "DISK", "ADDRESS", "ID"});
    const json::Value* vms = json::find(list, "vms");
    if (vms == nullptr || !vms->IsArray() || vms->Empty())
        return "no virtual machines; make one with `banger vm run`\n";
    for (const auto& vm : vms->GetArray())
        table.add({json::string_or(vm, "name"), json::string_or(vm, "state"), json::string_or(vm, "image"),
                   value_text(vm, "vcpus"), memory_of(vm), base::format_size(json::uint_or(vm, "disk_bytes")),
                   value_text(vm, "address"), json::string_or(vm, "id")});
    return table.text(columns);
}

std::string vm_page(const json::Value& vm, std::size_t columns)
{
    Facts facts;
    for (const char* key : {"name", "id", "state", "desired", "busy", "image", "kernel"})
        facts.add(key, value_text(vm, key));
    facts.add("paused for", value_text(vm, "paused_for"));
    facts.add("cpus", value_text(vm, "vcpus"));
    facts.add("memory", memory_of(vm));
    facts.add("disk", base::format_size(json::uint_or(vm, "disk_bytes")));
    for (const char* key : {"address", "pid", "accelerator", "jail", "egress", "init", "removal"})
        facts.add(key, value_text(vm, key));
    facts.add("providers", providers_line(vm));
    for (const char* key : {"created", "started"})
        facts.add(key, value_text(vm, key));
    facts.add("last used", value_text(vm, "last_used"));
    std::vector<std::string> disks;
    if (const json::Value* listed = json::find(vm, "disks"); listed != nullptr && listed->IsArray())
        for (const auto& disk : listed->GetArray())
            disks.push_back(disk_line(disk));
    facts.add("disks", disks);
    facts.add("leftovers", json::find_strings(vm, "leftovers"));
    return facts.text(columns) + handles_text(vm, columns);
}

std::string prune_table(const json::Value& list, std::size_t columns)
{
    Table table({"NAME", "LAST STARTED", "CREATED", "IMAGE", "DISK", "ID"});
    const json::Value* vms = json::find(list, "vms");
    if (vms == nullptr || !vms->IsArray() || vms->Empty())
        return "there is nothing to delete\n";
    for (const auto& vm : vms->GetArray()) {
        const auto started = json::string_or(vm, "started");
        table.add({json::string_or(vm, "name"), started.empty() ? "never" : started, json::string_or(vm, "created"),
                   json::string_or(vm, "image"), base::format_size(json::uint_or(vm, "disk_bytes")),
                   json::string_or(vm, "id")});
    }
    return table.text(columns);
}

std::string recovery_page(const json::Value& result, std::size_t columns)
{
    std::string text;
    if (const json::Value* recovered = json::find(result, "recovered"); recovered != nullptr && recovered->IsArray())
        for (const auto& vm : recovered->GetArray())
            text += "recovered " + json::string_or(vm, "name") + " (" + json::string_or(vm, "id") + ")\n";
    Table table({"NOT RECOVERED", "REASON"});
    const json::Value* skipped = json::find(result, "skipped");
    const bool some = skipped != nullptr && skipped->IsArray() && !skipped->Empty();
    if (some)
        for (const auto& one : skipped->GetArray())
            table.add({json::string_or(one, "path"), json::string_or(one, "reason")});
    if (some)
        text += table.text(columns);
    if (const auto moved = json::string_or(result, "database_moved_to"); !moved.empty())
        text += "the old database is now " + moved + "\n";
    return text.empty() ? "nothing to recover\n" : text;
}

}  // namespace banger::cli
