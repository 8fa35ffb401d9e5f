// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::dns {

/// The plugin's section of the configuration; the schema in dns.plugin.json describes each key and has the defaults.
struct Config {
    std::string address;
    std::uint16_t port = 0;
    std::string zone;
};

/// Reads what core has validated against the schema and completed from it. `invalid` for text that is not such JSON, an
/// address that is none or stands for all of a host's, and a zone that no name can be in.
sdk::Result<Config> read_config(std::string_view text);

}  // namespace banger::dns
