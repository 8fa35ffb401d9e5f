// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "catalog_kernel.hpp"

#include <optional>
#include <utility>
#include <variant>

#include "bundle.hpp"
#include "bundle_recipe.hpp"
#include "file_kernel.hpp"
#include "plugins/json/object_reader.hpp"

namespace banger::catalog {
namespace {

using sdk::Result;
using Recipe = std::variant<BundleRecipe, KernelFiles>;

Result<Recipe> read_kernel_recipe(const std::string& text)
{
    const auto document = plugin_json::parse_object(text, "the recipe");
    if (!document)
        return document.error();
    std::optional<sdk::Error> problem;
    plugin_json::ObjectReader reader(*document, "the recipe", problem);
    Recipe recipe = document->HasMember("bundle") ? Recipe(read_bundle_recipe(reader)) : Recipe(read_kernel_files(reader));
    reader.refuse_others();
    return problem ? Result<Recipe>(std::move(*problem)) : Result<Recipe>(std::move(recipe));
}

class CatalogKernelSource final : public sdk::KernelSource {
public:
    explicit CatalogKernelSource(Options options) : options_(std::move(options)) {}

    Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        sdk::Probe probe;
        probe.usable = true;
        probe.reason = "kernels come from bundles, and from files of this host";
        return probe;
    }

    Result<sdk::KernelBundle> fetch(const sdk::KernelRequest& request, sdk::Call& call) override
    {
        auto recipe = read_kernel_recipe(request.recipe);
        if (!recipe)
            return std::move(recipe).error();
        if (call.cancelled())
            return sdk::make_error(sdk::Code::cancelled, "cancelled");
        if (auto* files = std::get_if<KernelFiles>(&*recipe))
            return copy_kernel(std::move(*files), request, call);
        const auto& bundle = std::get<BundleRecipe>(*recipe);
        auto kernel = with_bundle(bundle, options_, call, [&](const BundleFile& file) {
            return unpack_kernel_bundle(file, request.directory, call);
        });
        if (kernel)
            kernel->facts["imported_from"] = bundle.place;
        return kernel;
    }

private:
    Options options_;
};

}  // namespace

std::unique_ptr<sdk::KernelSource> make_kernel_source(Options options)
{
    return std::make_unique<CatalogKernelSource>(std::move(options));
}

}  // namespace banger::catalog
