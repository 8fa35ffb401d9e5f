// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <rapidjson/document.h>

#include <utility>

namespace banger::oci {

RegistryOptions Options::registry_options(const Reference& reference) const
{
    return {cache, plain_http.contains(reference.registry), patience};
}

sdk::Result<Options> read_options(const std::string& config, std::string cache)
{
    rapidjson::Document document;
    document.Parse(config.data(), config.size());
    if (document.HasParseError() || !document.IsObject() || !document.HasMember("platform") ||
        !document["platform"].IsString())
        return sdk::make_error(sdk::Code::invalid, "the configuration of plugin image-oci has no platform");
    Options options;
    options.platform = document["platform"].GetString();
    options.cache = std::move(cache);
    if (const auto hosts = document.FindMember("plain_http"); hosts != document.MemberEnd() && hosts->value.IsArray())
        for (const auto& host : hosts->value.GetArray())
            if (host.IsString())
                options.plain_http.insert(host.GetString());
    if (const auto stall = document.FindMember("stall_seconds"); stall != document.MemberEnd() && stall->value.IsInt())
        options.patience.stall = std::chrono::seconds(stall->value.GetInt());
    return options;
}

}  // namespace banger::oci
