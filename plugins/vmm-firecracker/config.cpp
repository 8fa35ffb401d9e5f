// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include "plugins/json/object_reader.hpp"

namespace banger::firecracker {
namespace {

constexpr unsigned mib = 20;              // as a shift
// As in vmm-firecracker.plugin.json.
constexpr std::uint64_t most = 1'000'000;  // of each rate
constexpr std::uint64_t most_patience_s = 100;

Rate read_rate(plugin_json::ObjectReader& section, const char* mib_per_second, const char* operations_per_second)
{
    return {section.number(mib_per_second, 0, most, 0) << mib, section.number(operations_per_second, 0, most, 0)};
}

JailChoice read_jail(plugin_json::ObjectReader& section)
{
    const auto is_choice = [](const std::string& word) { return word == "auto" || word == "off" || word == "require"; };
    const auto word = section.text("jail", is_choice, "auto");
    return word == "off" ? JailChoice::off : word == "require" ? JailChoice::require : JailChoice::automatic;
}

}  // namespace

sdk::Result<Config> read_config(std::string_view text)
{
    Config config;
    auto read = plugin_json::read_section(text, "vmm-firecracker", [&](plugin_json::ObjectReader& section) {
        config.program = section.text("firecracker_bin", plugin_json::is_not_empty, config.program);
        config.jail = read_jail(section);
        config.balloon = section.flag("balloon", config.balloon);
        config.free_page_reporting = section.flag("free_page_reporting", config.free_page_reporting);
        config.disk_rate = read_rate(section, "disk_mib_per_second", "disk_operations_per_second");
        config.start_patience = std::chrono::seconds(section.number(
            "start_patience", 1, most_patience_s, static_cast<std::uint64_t>(config.start_patience.count())));
        config.network_rate = read_rate(section, "network_mib_per_second", "network_packets_per_second");
    });
    if (!read)
        return std::move(read).error();
    return config;
}

}  // namespace banger::firecracker
