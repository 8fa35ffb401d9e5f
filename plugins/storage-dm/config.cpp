// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include "plugins/json/object_reader.hpp"

namespace banger::dm {

sdk::Result<Config> read_config(std::string_view text)
{
    constexpr std::uint64_t most_mib = 1U << 20U;  // as in storage-dm.plugin.json
    Config config;
    auto read = plugin_json::read_section(text, "storage-dm", [&](plugin_json::ObjectReader& section) {
        config.reserve_bytes = section.number("reserve_mib", 1, most_mib, config.reserve_bytes >> 20U) << 20U;
    });
    if (!read)
        return std::move(read).error();
    return config;
}

}  // namespace banger::dm
