// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <chrono>
#include <utility>

#include "plugins/json/object_reader.hpp"

namespace banger::catalog {

using plugin_json::ObjectReader;

sdk::Result<Options> read_options(const std::string& config, std::string cache)
{
    Options options;
    options.cache = std::move(cache);
    auto read = plugin_json::read_section(config, "image-catalog", [&](ObjectReader& section) {
        options.most_bytes = section.number("most_bytes", 1, UINT64_MAX, options.most_bytes);
        const auto stall = static_cast<std::uint64_t>(options.patience.stall.count());
        options.patience.stall = std::chrono::seconds(section.number("stall_seconds", 1, blobs::longest_stall.count(), stall));
        section.objects("catalogues", [&](ObjectReader& site) {
            options.catalogues.push_back({site.required_text("location", plugin_json::is_not_empty),
                                          site.required_text("key", plugin_json::is_not_empty)});
        });
    });
    if (!read)
        return std::move(read).error();
    return options;
}

}  // namespace banger::catalog
