// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/health.hpp"

#include <sys/statvfs.h>
#include <sys/sysinfo.h>

#include <charconv>
#include <string_view>

#include "guest/agent/guest_state.hpp"
#include "guest/agent/small_files.hpp"
#include "guest/protocol/json.hpp"

namespace banger::agent {
namespace {

/// proc(5): /proc/meminfo, in KiB.
std::uint64_t available_memory()
{
    constexpr std::string_view label = "MemAvailable:";
    const auto text = small_file("/proc/meminfo");
    auto at = text.find(label);
    if (at == std::string::npos)
        return 0;
    at = text.find_first_not_of(' ', at + label.size());
    std::uint64_t kib = 0;
    std::from_chars(text.data() + at, text.data() + text.size(), kib);
    return kib * 1024;
}

void add_disk(JsonText& json, const char* mount)
{
    struct statvfs facts {};
    if (statvfs(mount, &facts) != 0)
        return;
    const auto unit = static_cast<std::uint64_t>(facts.f_frsize);
    json.begin_object()
        .member("mount", mount)
        .member("total_bytes", facts.f_blocks * unit)
        .member("free_bytes", facts.f_bavail * unit)
        .end_object();
}

}  // namespace

std::string health_json(const std::string& init)
{
    struct sysinfo facts {};
    sysinfo(&facts);
    JsonText json;
    json.begin_object().member("uptime_ms", static_cast<std::int64_t>(since_boot_ms())).key("load").begin_array();
    for (const auto load : facts.loads)
        json.value(static_cast<double>(load) / (1U << SI_LOAD_SHIFT));
    json.end_array()
        .key("memory")
        .begin_object()
        .member("total_bytes", static_cast<std::uint64_t>(facts.totalram) * facts.mem_unit)
        .member("available_bytes", available_memory())
        .end_object()
        .key("disks")
        .begin_array();
    add_disk(json, "/");
    add_disk(json, "/root");
    return json.end_array().member("init", init).end_object().str();
}

}  // namespace banger::agent
