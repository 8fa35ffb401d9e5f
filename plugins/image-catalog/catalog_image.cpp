// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "catalog_image.hpp"

#include <optional>
#include <utility>

#include "bundle.hpp"
#include "bundle_recipe.hpp"
#include "catalogues.hpp"
#include "plugins/json/object_reader.hpp"

namespace banger::catalog {
namespace {

using sdk::Code;
using sdk::Result;

// Nothing: the catalogues are asked for.
Result<std::optional<BundleRecipe>> read_image_recipe(const std::string& text)
{
    const auto document = plugin_json::parse_object(text, "the recipe");
    if (!document)
        return document.error();
    std::optional<sdk::Error> problem;
    plugin_json::ObjectReader recipe(*document, "the recipe", problem);
    std::optional<BundleRecipe> bundle;
    if (recipe.text("catalogues", plugin_json::is_not_empty).empty())
        bundle = read_bundle_recipe(recipe);
    recipe.refuse_others();
    return problem ? Result<std::optional<BundleRecipe>>(std::move(*problem)) : Result<std::optional<BundleRecipe>>(bundle);
}

class CatalogImageSource final : public sdk::ImageSource {
public:
    explicit CatalogImageSource(Options options) : options_(std::move(options)) {}

    Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        sdk::Probe probe;
        probe.usable = true;
        probe.reason = "bundles come from " + std::to_string(options_.catalogues.size()) + " catalogues of config.toml";
        return probe;
    }

    Result<sdk::ImageStream> fetch(const sdk::ImageRequest& request, sdk::Call& call) override
    {
        const auto recipe = read_image_recipe(request.recipe);
        if (!recipe)
            return recipe.error();
        if (call.cancelled())
            return sdk::make_error(Code::cancelled, "cancelled");
        if (!*recipe) {
            auto text = read_catalogues(options_, call);
            if (!text)
                return std::move(text).error();
            return sdk::ImageStream{"catalogue", {{"catalogue", std::move(*text)}}};
        }
        auto facts = with_bundle(**recipe, options_, call, [&](const BundleFile& bundle) {
            return unpack_bundle(bundle, request.directory, call);
        });
        if (!facts)
            return std::move(facts).error();
        return sdk::ImageStream{"ext4", std::move(*facts)};
    }

private:
    Options options_;
};

}  // namespace

std::unique_ptr<sdk::ImageSource> make_image_source(Options options)
{
    return std::make_unique<CatalogImageSource>(std::move(options));
}

}  // namespace banger::catalog
