// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/render/stats.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <optional>

#include "cli/render/table.hpp"
#include "cli/text.hpp"
#include "core/base/durations.hpp"
#include "core/base/sizes.hpp"

namespace banger::cli {
namespace {

const json::Value& part(const json::Value& object, std::string_view key)
{
    static const json::Value nothing;
    const json::Value* found = json::find(object, key);
    return found == nullptr ? nothing : *found;
}

std::string size_or_nothing(const json::Value& object, std::string_view key)
{
    const auto bytes = json::find_uint(object, key);
    return bytes ? base::format_size(*bytes) : std::string();
}

std::string percent_text(const json::Value& vm)
{
    const json::Value* percent = json::find(vm, "cpu_percent");
    if (percent == nullptr || !percent->IsNumber())
        return {};
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f%%", percent->GetDouble());
    return text.data();
}

// "98 MiB of 491 MiB"; nothing if the guest did not say.
std::string share(std::uint64_t total, std::uint64_t left)
{
    if (total == 0)
        return {};
    return base::format_size(total - std::min(left, total)) + " of " + base::format_size(total);
}

std::string guest_memory(const json::Value& vm)
{
    const json::Value& memory = part(part(vm, "guest"), "memory");
    return share(json::uint_or(memory, "total_bytes"), json::uint_or(memory, "available_bytes"));
}

std::string guest_disk(const json::Value& disk)
{
    return share(json::uint_or(disk, "total_bytes"), json::uint_or(disk, "free_bytes"));
}

std::string guest_root(const json::Value& vm)
{
    const json::Value& disks = part(part(vm, "guest"), "disks");
    if (disks.IsArray())
        for (const auto& disk : disks.GetArray())
            if (json::string_or(disk, "role") == "root")
                return guest_disk(disk);
    return {};
}

std::string allocated_on_host(const json::Value& vm)
{
    std::uint64_t sum = 0;
    const json::Value& disks = part(part(vm, "host"), "disks");
    if (disks.IsArray())
        for (const auto& disk : disks.GetArray())
            sum += json::uint_or(disk, "allocated_bytes");
    return base::format_size(sum);
}

// As the provider counts, else as the guest does.
std::optional<std::uint64_t> network_bytes(const json::Value& vm, const char* key)
{
    if (const auto counted = json::find_uint(part(part(vm, "host"), "network"), key))
        return counted;
    const json::Value& interfaces = part(part(vm, "guest"), "network");
    if (!interfaces.IsArray() || interfaces.Empty())
        return std::nullopt;
    std::uint64_t sum = 0;
    for (const auto& interface : interfaces.GetArray())
        sum += json::uint_or(interface, key);
    return sum;
}

std::string network_text(const json::Value& vm, const char* key)
{
    const auto bytes = network_bytes(vm, key);
    return bytes ? base::format_size(*bytes) : std::string();
}

std::string traffic_line(const std::string& whose, const json::Value& counters)
{
    const auto half = [&](const char* bytes, const char* packets) {
        return base::format_size(json::uint_or(counters, bytes)) + " in " +
               std::to_string(json::uint_or(counters, packets)) + " packets";
    };
    std::string line =
        whose + ": received " + half("rx_bytes", "rx_packets") + ", sent " + half("tx_bytes", "tx_packets");
    if (const auto refused = json::uint_or(counters, "refused_packets"); refused > 0)
        line += ", " + std::to_string(refused) + " packets refused";
    return line;
}

void add_disks(Facts& facts, const json::Value& vm)
{
    std::vector<std::string> lines;
    if (const json::Value& disks = part(part(vm, "host"), "disks"); disks.IsArray())
        for (const auto& disk : disks.GetArray())
            lines.push_back("host, " + json::string_or(disk, "role") + ": " + size_or_nothing(disk, "allocated_bytes") +
                            " allocated, " + size_or_nothing(disk, "apparent_bytes") + " apparent, " +
                            size_or_nothing(disk, "bytes") + " for the guest");
    if (const json::Value& disks = part(part(vm, "guest"), "disks"); disks.IsArray())
        for (const auto& disk : disks.GetArray())
            lines.push_back("guest, " + json::string_or(disk, "mount") + ": " + guest_disk(disk) + " used, " +
                            size_or_nothing(disk, "free_bytes") + " free");
    facts.add("disks", lines);
}

void add_network(Facts& facts, const json::Value& vm)
{
    std::vector<std::string> lines;
    if (const json::Value& network = part(part(vm, "host"), "network"); network.IsObject())
        lines.push_back(traffic_line("host", network));
    if (const json::Value& interfaces = part(part(vm, "guest"), "network"); interfaces.IsArray())
        for (const auto& interface : interfaces.GetArray())
            lines.push_back(traffic_line("guest, " + json::string_or(interface, "name"), interface));
    facts.add("network", lines);
}

}  // namespace

std::string stats_table(const json::Value& sample, std::size_t columns)
{
    Table table({"NAME", "CPU", "MEMORY", "GUEST MEMORY", "DISKS", "GUEST ROOT", "RECEIVED", "SENT"});
    const json::Value& vms = part(sample, "vms");
    if (!vms.IsArray() || vms.Empty())
        return "no virtual machine is running\n";
    for (const auto& vm : vms.GetArray())
        table.add({json::string_or(vm, "name"), percent_text(vm), size_or_nothing(part(vm, "host"), "resident_bytes"),
                   guest_memory(vm), allocated_on_host(vm), guest_root(vm), network_text(vm, "rx_bytes"),
                   network_text(vm, "tx_bytes")});
    return table.text(columns);
}

std::string stats_page(const json::Value& vm, std::size_t columns)
{
    const json::Value& host = part(vm, "host");
    Facts facts;
    facts.add("name", json::string_or(vm, "name"));
    facts.add("state", json::string_or(vm, "state"));
    if (const auto cpu = json::find_uint(host, "cpu_ms")) {
        const auto percent = percent_text(vm);
        facts.add("cpu", (percent.empty() ? "" : percent + " of one of the host's CPUs, ") +
                             base::format_duration(std::chrono::milliseconds(*cpu)) + " in all");
    }
    std::vector<std::string> memory;
    if (const auto resident = size_or_nothing(host, "resident_bytes"); !resident.empty())
        memory.push_back("host: " + resident + " resident in " + std::to_string(json::uint_or(host, "processes")) +
                         " processes");
    if (const auto used = guest_memory(vm); !used.empty())
        memory.push_back("guest: " + used + " used");
    facts.add("memory", memory);
    add_disks(facts, vm);
    add_network(facts, vm);
    facts.add("guest", json::string_or(vm, "guest_problem"));
    return facts.text(columns);
}

}  // namespace banger::cli
