// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/catalogue.hpp"
#include "cli/render/catalogue.hpp"

namespace banger::cli {

Syntax CatalogueList::syntax(Catalogue of)
{
    const std::string noun = noun_of(of);
    Syntax syntax;
    syntax.path = noun + " list";
    syntax.summary = "the " + noun + "s there are, here and to be had";
    syntax.options = {{"available", 0, "", "only what is to be had and not here yet", {}, false}};
    syntax.examples = {{"banger " + noun + " list", "as a table"},
                       {"banger " + noun + " list -o json | jq -r '." + noun + "s[].name'", "for a script"}};
    return syntax;
}

sdk::Result<CatalogueList> CatalogueList::parse(Catalogue of, const Arguments& arguments)
{
    return CatalogueList{of, arguments.has("available")};
}

sdk::Result<Exit> run(const CatalogueList& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("available", verb.available);
    auto list = (*session)->call(noun_of(verb.of) + ".list", params);
    if (!list)
        return std::move(list).error();
    return context.show(list->result, [&] {
        return verb.of == Catalogue::images ? image_table(list->result, context.columns())
                                            : kernel_table(list->result, context.columns());
    });
}

}  // namespace banger::cli
