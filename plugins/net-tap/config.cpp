// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <rapidjson/document.h>

#include "banger/sdk/boot_check.hpp"

namespace banger::tap {
namespace {

constexpr std::size_t longest_interface = 15;  // IFNAMSIZ of linux/if.h, less its end

}  // namespace

sdk::Result<Config> read_config(std::string_view text)
{
    const auto wrong = [](const std::string& what) {
        return sdk::make_error(sdk::Code::invalid, "the configuration of plugin net-tap " + what);
    };
    rapidjson::Document document;
    document.Parse(text.data(), text.size());
    if (document.HasParseError() || !document.IsObject())
        return wrong("is not a JSON object");
    Config config;
    for (const auto& member : document.GetObject()) {
        const std::string_view key(member.name.GetString(), member.name.GetStringLength());
        const auto& value = member.value;
        if (key == "bridge" && value.IsString()) {
            config.bridge = value.GetString();
            if (!config.bridge.empty() && !sdk::is_word(config.bridge, longest_interface))
                return wrong("names a bridge that cannot be: '" + config.bridge + "'");
        } else if (key == "subnet" && value.IsString()) {
            if (value.GetStringLength() == 0)
                continue;
            auto subnet = Subnet::parse(value.GetString());
            if (!subnet)
                return std::move(subnet).error();
            config.subnet = *subnet;
        } else if (key == "pool" && value.IsUint()) {
            config.pool = value.GetUint();
        } else if (key == "guests_reach_each_other" && value.IsBool()) {
            config.guests_reach_each_other = value.GetBool();
        } else if (key == "firewall_lets_guests_through" && value.IsBool()) {
            config.firewall_lets_guests_through = value.GetBool();
        } else {
            return wrong("has an unknown or mistyped key '" + std::string(key) + "'");
        }
    }
    return config;
}

}  // namespace banger::tap
