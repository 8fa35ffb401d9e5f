// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "banger/sdk/host.hpp"
#include "bundle_reader.hpp"
#include "download.hpp"
#include "options.hpp"

namespace banger::plugin_json {
class ObjectReader;
}

namespace banger::catalog {

/// A bundle as a recipe names it: {"bundle": address or absolute path, "digest", "size"}.
struct BundleRecipe {
    std::string place;
    std::string digest;  ///< sha256:…
    std::uint64_t size = 0;
};

/// Reads these three members; complains of what is wrong with them.
BundleRecipe read_bundle_recipe(plugin_json::ObjectReader& recipe);

/// Gets the bundle and hands it to `unpack`; once more if what was downloaded before is damaged by now.
template <typename Unpack>
auto with_bundle(const BundleRecipe& recipe, const Options& options, sdk::Call& call, const Unpack& unpack)
    -> decltype(unpack(BundleFile()))
{
    for (bool again = is_address(recipe.place);; again = false) {
        auto path = bundle_at(recipe.place, recipe.digest, recipe.size, options, call);
        if (!path)
            return std::move(path).error();
        auto unpacked = unpack(BundleFile{*path, recipe.digest, options.most_bytes});
        if (unpacked || !again || unpacked.error().code != sdk::Code::corrupt)
            return unpacked;
        forget_bundle(recipe.digest, options);
    }
}

}  // namespace banger::catalog
