// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <rapidjson/document.h>

namespace banger::firecracker {
namespace {

constexpr unsigned mib = 20;  // as a shift

// Whether the member was one of the rates.
bool read_rate(Config& config, std::string_view key, const rapidjson::Value& value)
{
    if (!value.IsUint())
        return false;
    const std::uint64_t number = value.GetUint();
    if (key == "disk_mib_per_second")
        config.disk_rate.bytes = number << mib;
    else if (key == "disk_operations_per_second")
        config.disk_rate.operations = number;
    else if (key == "network_mib_per_second")
        config.network_rate.bytes = number << mib;
    else if (key == "network_packets_per_second")
        config.network_rate.operations = number;
    else
        return false;
    return true;
}

}  // namespace

sdk::Result<Config> read_config(std::string_view text)
{
    const auto wrong = [](const std::string& what) {
        return sdk::make_error(sdk::Code::invalid, "the configuration of plugin vmm-firecracker " + what);
    };
    rapidjson::Document document;
    document.Parse(text.data(), text.size());
    if (document.HasParseError() || !document.IsObject())
        return wrong("is not a JSON object");
    Config config;
    for (const auto& member : document.GetObject()) {
        const std::string_view key(member.name.GetString(), member.name.GetStringLength());
        const auto& value = member.value;
        if (key == "firecracker_bin" && value.IsString() && value.GetStringLength() != 0)
            config.program = value.GetString();
        else if (key == "balloon" && value.IsBool())
            config.balloon = value.GetBool();
        else if (key == "free_page_reporting" && value.IsBool())
            config.free_page_reporting = value.GetBool();
        else if (!read_rate(config, key, value))
            return wrong("has an unknown or mistyped key '" + std::string(key) + "'");
    }
    return config;
}

}  // namespace banger::firecracker
