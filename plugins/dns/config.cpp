// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include "banger/sdk/dns.hpp"
#include "plugins/json/object_reader.hpp"
#include "sockets.hpp"

namespace banger::dns {
namespace {

constexpr std::uint16_t any_port = 1;

// From a wildcard, answers could leave with another address than questions came to.
bool is_address(const std::string& text)
{
    return Endpoint::parse(text, any_port).has_value();
}

}  // namespace

sdk::Result<Config> read_config(std::string_view text)
{
    Config config;
    auto read = plugin_json::read_section(text, "dns", [&](plugin_json::ObjectReader& section) {
        config.address = section.required_text("address", is_address);
        config.port = static_cast<std::uint16_t>(section.number("port", 1, UINT16_MAX, 0));
        config.zone = section.required_text("zone", sdk::is_dns_name);
    });
    if (!read)
        return std::move(read).error();
    return config;
}

}  // namespace banger::dns
