// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "catalog_image.hpp"

#include <rapidjson/document.h>

#include <utility>

#include "blobs/digest.hpp"
#include "bundle.hpp"
#include "catalogues.hpp"
#include "download.hpp"

namespace banger::catalog {
namespace {

using sdk::Code;
using sdk::Result;

struct Recipe {
    std::string bundle;
    std::string digest;
    std::uint64_t size = 0;
    bool catalogues = false;
};

Result<Recipe> read_recipe(const std::string& text)
{
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
    const auto wrong = [](const std::string& why) { return sdk::make_error(Code::invalid, "the recipe " + why); };
    if (document.HasParseError() || !document.IsObject())
        return wrong("is not a JSON object");
    Recipe recipe;
    for (const auto& member : document.GetObject()) {
        const std::string key = member.name.GetString();
        if (key == "size" && member.value.IsUint64())
            recipe.size = member.value.GetUint64();
        else if (key == "bundle" && member.value.IsString())
            recipe.bundle = member.value.GetString();
        else if (key == "digest" && member.value.IsString())
            recipe.digest = member.value.GetString();
        else if (key == "catalogues" && member.value.IsString())
            recipe.catalogues = true;
        else
            return wrong("has an unknown key '" + key + "', or a value that it cannot have");
    }
    if (recipe.catalogues != recipe.bundle.empty())
        return wrong("asks for neither a bundle nor the catalogues, or for both");
    if (!recipe.catalogues && (!blobs::is_digest(recipe.digest) || recipe.size == 0))
        return wrong("says no digest (sha256:…) and size of its bundle");
    if (!recipe.catalogues && !recipe.bundle.starts_with('/') && !is_address(recipe.bundle))
        return wrong("has a bundle that is neither at an https address nor at an absolute path");
    return recipe;
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
        const auto recipe = read_recipe(request.recipe);
        if (!recipe)
            return recipe.error();
        if (call.cancelled())
            return sdk::make_error(Code::cancelled, "cancelled");
        if (recipe->catalogues) {
            auto text = read_catalogues(options_, call);
            if (!text)
                return std::move(text).error();
            return sdk::ImageStream{"catalogue", {{"catalogue", std::move(*text)}}};
        }
        auto facts = unpack(*recipe, request, call);
        if (!facts && facts.error().code == Code::corrupt && is_address(recipe->bundle)) {
            // Downloaded before, it may have been damaged since.
            forget_bundle(recipe->digest, options_);
            facts = unpack(*recipe, request, call);
        }
        if (!facts)
            return std::move(facts).error();
        return sdk::ImageStream{"ext4", std::move(*facts)};
    }

private:
    [[nodiscard]] Result<sdk::Fields> unpack(const Recipe& recipe, const sdk::ImageRequest& request, sdk::Call& call) const
    {
        auto path = bundle_at(recipe.bundle, recipe.digest, recipe.size, options_, call);
        if (!path)
            return std::move(path).error();
        return unpack_bundle({*path, recipe.digest, options_.most_bytes}, request.directory, call);
    }

    Options options_;
};

}  // namespace

std::unique_ptr<sdk::ImageSource> make_image_source(Options options)
{
    return std::make_unique<CatalogImageSource>(std::move(options));
}

}  // namespace banger::catalog
