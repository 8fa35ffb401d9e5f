// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/catalogue.hpp"
#include "cli/render/catalogue.hpp"

namespace banger::cli {

Syntax CatalogueShow::syntax(Catalogue of)
{
    const std::string noun = noun_of(of);
    Syntax syntax;
    syntax.path = noun + " show";
    syntax.summary = "everything about one " + noun;
    syntax.operands = {{"NAME"}};
    syntax.examples = {
        {"banger " + noun + " show " + (of == Catalogue::images ? "debian-bookworm" : "debian-cloud"), "as a page"}};
    return syntax;
}

sdk::Result<CatalogueShow> CatalogueShow::parse(Catalogue of, const Arguments& arguments)
{
    return CatalogueShow{of, arguments.operand(0)};
}

sdk::Result<Exit> run(const CatalogueShow& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("name", verb.name);
    auto entry = (*session)->call(noun_of(verb.of) + ".show", params);
    if (!entry)
        return std::move(entry).error();
    return context.show(entry->result, [&] { return catalogue_page(entry->result, context.columns()); });
}

}  // namespace banger::cli
