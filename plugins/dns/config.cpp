// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <rapidjson/document.h>

#include "sockets.hpp"
#include "zone.hpp"

namespace banger::dns {

sdk::Result<Config> read_config(std::string_view text)
{
    const auto wrong = [](const std::string& what) {
        return sdk::make_error(sdk::Code::invalid, "the configuration of plugin dns " + what);
    };
    rapidjson::Document document;
    document.Parse(text.data(), text.size());
    if (document.HasParseError() || !document.IsObject())
        return wrong("is not a JSON object");
    Config config;
    for (const auto& member : document.GetObject()) {
        const std::string_view key(member.name.GetString(), member.name.GetStringLength());
        const auto& value = member.value;
        if (key == "address" && value.IsString())
            config.address = value.GetString();
        else if (key == "port" && value.IsUint() && value.GetUint() <= UINT16_MAX)
            config.port = static_cast<std::uint16_t>(value.GetUint());
        else if (key == "zone" && value.IsString())
            config.zone = value.GetString();
        else
            return wrong("has an unknown or mistyped key '" + std::string(key) + "'");
    }
    // From a wildcard, answers could leave with another address than questions came to.
    if (!Endpoint::parse(config.address, config.port))
        return wrong("names '" + config.address + "', which is no address of one interface");
    if (!is_name(config.zone))
        return wrong("names a zone that cannot be: '" + config.zone + "'");
    return config;
}

}  // namespace banger::dns
