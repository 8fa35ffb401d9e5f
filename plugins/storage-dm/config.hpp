// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::dm {

/// The plugin's section of the configuration; the schema in storage-dm.plugin.json describes each key.
struct Config {
    std::uint64_t reserve_bytes = 1ULL << 30U;
};

/// Reads what core has validated against the schema. `invalid` for text that is not such JSON.
sdk::Result<Config> read_config(std::string_view text);

}  // namespace banger::dm
