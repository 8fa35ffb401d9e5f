// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <rapidjson/document.h>

#include <string>

namespace banger::dm {

sdk::Result<Config> read_config(std::string_view text)
{
    const auto wrong = [](const std::string& what) {
        return sdk::make_error(sdk::Code::invalid, "the configuration of plugin storage-dm " + what);
    };
    rapidjson::Document document;
    document.Parse(text.data(), text.size());
    if (document.HasParseError() || !document.IsObject())
        return wrong("is not a JSON object");
    Config config;
    for (const auto& member : document.GetObject()) {
        const std::string_view key(member.name.GetString(), member.name.GetStringLength());
        if (key != "reserve_mib" || !member.value.IsUint() || member.value.GetUint() == 0)
            return wrong("has an unknown or mistyped key '" + std::string(key) + "'");
        config.reserve_bytes = std::uint64_t{member.value.GetUint()} << 20U;
    }
    return config;
}

}  // namespace banger::dm
