// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <rapidjson/document.h>

#include <chrono>
#include <utility>

namespace banger::catalog {

sdk::Result<Options> read_options(const std::string& config, std::string cache)
{
    rapidjson::Document document;
    document.Parse(config.data(), config.size());
    if (document.HasParseError() || !document.IsObject() || !document.HasMember("most_bytes") ||
        !document["most_bytes"].IsUint64())
        return sdk::make_error(sdk::Code::invalid, "the configuration of plugin image-catalog has no most_bytes");
    Options options;
    options.most_bytes = document["most_bytes"].GetUint64();
    options.cache = std::move(cache);
    if (const auto stall = document.FindMember("stall_seconds"); stall != document.MemberEnd() && stall->value.IsInt())
        options.patience.stall = std::chrono::seconds(stall->value.GetInt());
    if (const auto sites = document.FindMember("catalogues"); sites != document.MemberEnd() && sites->value.IsArray())
        for (const auto& site : sites->value.GetArray())
            options.catalogues.push_back({site["location"].GetString(), site["key"].GetString()});
    return options;
}

}  // namespace banger::catalog
