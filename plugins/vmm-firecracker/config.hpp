// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"
#include "messages.hpp"

namespace banger::firecracker {

/// Whether machines are jailed: where that can be, never, or no machine runs without.
enum class JailChoice { automatic, off, require };

/// The plugin's section of the configuration; the schema in vmm-firecracker.plugin.json describes each key.
struct Config {
    std::string program = "firecracker";
    JailChoice jail = JailChoice::automatic;
    Rate disk_rate;     ///< of each writable disk
    Rate network_rate;  ///< of each network device, each direction
    bool balloon = true;
    bool free_page_reporting = false;  ///< of the balloon, with 1.14 and newer
    std::chrono::seconds start_patience{60};  ///< with its API, and with each answer until the machine runs
};

/// Reads what core has validated against the schema. `invalid` for text that is not such JSON.
sdk::Result<Config> read_config(std::string_view text);

}  // namespace banger::firecracker
