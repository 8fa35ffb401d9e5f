// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <rapidjson/document.h>

#include <utility>

namespace banger::oci {

RegistryOptions Options::registry_options(const Reference& reference) const
{
    return {cache, plain_http.contains(reference.registry), patience};
}

std::vector<Reference> Options::places_of(const Reference& reference) const
{
    std::vector<Reference> places;
    if (const auto known = mirrors.find(reference.registry); known != mirrors.end())
        for (const auto& mirror : known->second) {
            places.push_back(reference);
            places.back().registry = mirror;
        }
    places.push_back(reference);
    return places;
}

namespace {

std::vector<std::string> strings_in(const rapidjson::Value& list)
{
    std::vector<std::string> strings;
    if (list.IsArray())
        for (const auto& item : list.GetArray())
            if (item.IsString())
                strings.emplace_back(item.GetString());
    return strings;
}

}  // namespace

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
    if (const auto hosts = document.FindMember("plain_http"); hosts != document.MemberEnd())
        for (auto& host : strings_in(hosts->value))
            options.plain_http.insert(std::move(host));
    if (const auto mirrors = document.FindMember("mirrors"); mirrors != document.MemberEnd() && mirrors->value.IsObject())
        for (const auto& registry : mirrors->value.GetObject())
            options.mirrors[registry.name.GetString()] = strings_in(registry.value);
    if (const auto stall = document.FindMember("stall_seconds"); stall != document.MemberEnd() && stall->value.IsInt())
        options.patience.stall = std::chrono::seconds(stall->value.GetInt());
    return options;
}

}  // namespace banger::oci
