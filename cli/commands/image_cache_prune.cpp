// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/catalogue.hpp"
#include "core/base/sizes.hpp"

namespace banger::cli {

Syntax ImageCachePrune::syntax()
{
    Syntax syntax;
    syntax.path = "image cache prune";
    syntax.summary = "remove what was downloaded to make images";
    syntax.description =
        "Images stay as they are and need none of it; one that shares layers with them is then downloaded in full again.";
    syntax.options = {{"dry-run", 'n', "", "only say how much there is", {}, false}};
    syntax.examples = {{"banger image cache prune --dry-run", "how much that would free"}};
    return syntax;
}

sdk::Result<ImageCachePrune> ImageCachePrune::parse(const Arguments& arguments)
{
    return ImageCachePrune{arguments.has("dry-run")};
}

sdk::Result<Exit> run(const ImageCachePrune& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("dry_run", verb.dry_run);
    auto result = (*session)->call("image.cache_prune", params);
    if (!result)
        return std::move(result).error();
    return context.show(result->result, [&] {
        const auto files = json::uint_or(result->result, "files");
        return std::to_string(files) + (files == 1 ? " download, " : " downloads, ") +
               base::format_size(json::uint_or(result->result, "freed_bytes")) +
               (verb.dry_run ? " would be free again\n" : " are free again\n");
    });
}

}  // namespace banger::cli
