// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "subnet.hpp"

namespace banger::tap {

/// The plugin's section of the configuration; the schema in net-tap.plugin.json describes each key.
struct Config {
    std::string bridge;            ///< empty: chosen
    std::optional<Subnet> subnet;  ///< none: chosen
    std::size_t pool = 4;
    bool guests_reach_each_other = false;
    bool firewall_lets_guests_through = false;  ///< although it drops by default what the host forwards
    std::string zone = "vm";  ///< the one domain that systemd-resolved may be told to ask banger for
};

/// Reads what core has validated against the schema. `invalid` for text that is not such JSON, a subnet that is none, or
/// a name that no interface can have.
sdk::Result<Config> read_config(std::string_view text);

}  // namespace banger::tap
