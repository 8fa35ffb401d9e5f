// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/catalogue.hpp"
#include "core/base/sizes.hpp"

namespace banger::cli {

Syntax CatalogueDelete::syntax(Catalogue of)
{
    const std::string noun = noun_of(of);
    Syntax syntax;
    syntax.path = noun + " delete";
    syntax.summary =
        "remove " + std::string(of == Catalogue::images ? "an image" : "a kernel") + " that no machine uses";
    syntax.operands = {{"NAME"}};
    syntax.examples = {
        {"banger " + noun + " delete " + (of == Catalogue::images ? "debian-bookworm" : "debian-cloud"), "by name"}};
    return syntax;
}

sdk::Result<CatalogueDelete> CatalogueDelete::parse(Catalogue of, const Arguments& arguments)
{
    return CatalogueDelete{of, arguments.operand(0)};
}

sdk::Result<Exit> run(const CatalogueDelete& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("name", verb.name);
    auto result = (*session)->call(noun_of(verb.of) + ".delete", params);
    if (!result)
        return std::move(result).error();
    return context.show(result->result, [&] {
        return json::string_or(result->result, "name") + " is deleted, " +
               base::format_size(json::uint_or(result->result, "freed_bytes")) + " are free again\n";
    });
}

}  // namespace banger::cli
