// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/health.hpp"

#include <sys/statvfs.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <charconv>
#include <ctime>
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

std::int64_t clock_ns()
{
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

std::vector<std::uint64_t> numbers_in(std::string_view text)
{
    std::vector<std::uint64_t> numbers;
    for (const char* at = text.data(); at != text.data() + text.size();) {
        if (*at == ' ') {
            ++at;
            continue;
        }
        std::uint64_t number = 0;
        const auto read = std::from_chars(at, text.data() + text.size(), number);
        if (read.ec != std::errc())
            break;
        numbers.push_back(number);
        at = read.ptr;
    }
    return numbers;
}

void add_interface(JsonText& json, const InterfaceCounters& interface)
{
    json.begin_object()
        .member("name", interface.name)
        .member("rx_bytes", interface.rx_bytes)
        .member("rx_packets", interface.rx_packets)
        .member("tx_bytes", interface.tx_bytes)
        .member("tx_packets", interface.tx_packets)
        .end_object();
}

}  // namespace

std::vector<InterfaceCounters> interfaces_in(const std::string& proc_net_dev)
{
    std::vector<InterfaceCounters> all;
    const std::string_view text = proc_net_dev;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        const auto line = text.substr(at, end - at);
        at = end + 1;
        const auto colon = line.find(':');
        if (colon == std::string_view::npos)
            continue;  // the headings
        const auto begin = std::min(line.find_first_not_of(' '), colon);
        // Received: bytes, packets, and six that say what went wrong; then the same of what was sent.
        const auto numbers = numbers_in(line.substr(colon + 1));
        const std::string name(line.substr(begin, colon - begin));
        if (numbers.size() >= 10 && name != "lo")
            all.push_back({name, numbers[0], numbers[1], numbers[8], numbers[9]});
    }
    return all;
}

std::string health_json(const std::string& init, const std::optional<std::string>& init_state)
{
    struct sysinfo facts {};
    sysinfo(&facts);
    JsonText json;
    json.begin_object()
        .member("uptime_ms", static_cast<std::int64_t>(since_boot_ms()))
        .member("clock_ns", clock_ns())
        .key("load")
        .begin_array();
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
    json.end_array().key("network").begin_array();
    for (const auto& interface : interfaces_in(small_file("/proc/net/dev")))
        add_interface(json, interface);
    json.end_array().member("init", init);
    if (init_state)
        json.member("init_state", *init_state);
    return json.end_object().str();
}

}  // namespace banger::agent
