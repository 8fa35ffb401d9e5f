// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "bundle_recipe.hpp"

#include "blobs/digest.hpp"
#include "plugins/json/object_reader.hpp"

namespace banger::catalog {

BundleRecipe read_bundle_recipe(plugin_json::ObjectReader& recipe)
{
    BundleRecipe bundle;
    bundle.place = recipe.required_text(
        "bundle", [](const std::string& place) { return place.starts_with('/') || is_address(place); });
    bundle.digest = recipe.required_text("digest", [](const std::string& digest) { return blobs::is_digest(digest); });
    bundle.size = recipe.number("size", 1, UINT64_MAX, 0);
    if (bundle.size == 0)
        recipe.complain("does not say how long its bundle is");
    return bundle;
}

}  // namespace banger::catalog
