// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <chrono>
#include <utility>

#include "manifest.hpp"
#include "plugins/json/object_reader.hpp"

namespace banger::oci {

using plugin_json::ObjectReader;

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

void read_mirrors(ObjectReader& section, Options& options)
{
    section.each("mirrors", plugin_json::is_not_empty, [&](const std::string& registry, const rapidjson::Value& list) {
        if (!list.IsArray())
            return section.complain("has mirrors of '" + registry + "' that are no list");
        auto& mirrors = options.mirrors[registry];
        for (const auto& mirror : list.GetArray())
            if (mirror.IsString())
                mirrors.push_back(plugin_json::string_of(mirror));
            else
                section.complain("has a mirror of '" + registry + "' that is no text");
    });
}

}  // namespace

sdk::Result<Options> read_options(const std::string& config, std::string cache)
{
    Options options;
    options.cache = std::move(cache);
    auto read = plugin_json::read_section(config, "image-oci", [&](ObjectReader& section) {
        options.platform = section.required_text("platform", is_platform);
        const auto plain = section.texts("plain_http", plugin_json::is_not_empty);
        options.plain_http = {plain.begin(), plain.end()};
        const auto stall = static_cast<std::uint64_t>(options.patience.stall.count());
        options.patience.stall = std::chrono::seconds(section.number("stall_seconds", 1, blobs::longest_stall.count(), stall));
        read_mirrors(section, options);
    });
    if (!read)
        return std::move(read).error();
    return options;
}

}  // namespace banger::oci
