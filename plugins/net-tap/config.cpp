// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include "banger/sdk/boot_check.hpp"
#include "banger/sdk/dns.hpp"
#include "plugins/json/object_reader.hpp"

namespace banger::tap {
namespace {

constexpr std::size_t longest_interface = 15;  // IFNAMSIZ of linux/if.h, less its end
constexpr std::uint64_t most_taps = 64;        // as in net-tap.plugin.json

bool is_bridge(const std::string& name)
{
    return name.empty() || sdk::is_word(name, longest_interface);
}

}  // namespace

sdk::Result<Config> read_config(std::string_view text)
{
    Config config;
    auto read = plugin_json::read_section(text, "net-tap", [&](plugin_json::ObjectReader& section) {
        config.bridge = section.text("bridge", is_bridge);
        if (const auto given = section.text("subnet", plugin_json::is_any); !given.empty()) {
            auto subnet = Subnet::parse(given);
            if (subnet)
                config.subnet = *subnet;
            else
                section.complain(std::move(subnet).error());
        }
        config.pool = section.number("pool", 0, most_taps, config.pool);
        config.guests_reach_each_other = section.flag("guests_reach_each_other", false);
        config.firewall_lets_guests_through = section.flag("firewall_lets_guests_through", false);
        config.zone = section.text("zone", sdk::is_dns_name, config.zone);
    });
    if (!read)
        return std::move(read).error();
    return config;
}

}  // namespace banger::tap
