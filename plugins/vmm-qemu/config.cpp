// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include "plugins/json/object_reader.hpp"

namespace banger::qemu {
namespace {

// As in vmm-qemu.plugin.json.
constexpr std::uint64_t most_cache_mib = 2048;
constexpr std::uint64_t most_patience_s = 100;

AcceleratorChoice read_accelerator(plugin_json::ObjectReader& section)
{
    const auto is_choice = [](const std::string& word) { return word == "auto" || word == "kvm" || word == "tcg"; };
    const auto word = section.text("accelerator", is_choice, "auto");
    return word == "kvm"   ? AcceleratorChoice::kvm
           : word == "tcg" ? AcceleratorChoice::tcg
                           : AcceleratorChoice::automatic;
}

}  // namespace

sdk::Result<Config> read_config(std::string_view text)
{
    Config config;
    auto read = plugin_json::read_section(text, "vmm-qemu", [&](plugin_json::ObjectReader& section) {
        config.program = section.text("program", plugin_json::is_not_empty, config.program);
        config.accelerator = read_accelerator(section);
        config.translation_cache_mib = static_cast<std::uint32_t>(
            section.number("translation_cache_mib", 0, most_cache_mib, config.translation_cache_mib));
        config.start_patience = std::chrono::seconds(section.number(
            "start_patience", 1, most_patience_s, static_cast<std::uint64_t>(config.start_patience.count())));
    });
    if (!read)
        return std::move(read).error();
    return config;
}

}  // namespace banger::qemu
