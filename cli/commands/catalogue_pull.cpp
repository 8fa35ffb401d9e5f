// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/catalogue.hpp"

namespace banger::cli {

Syntax CataloguePull::syntax(Catalogue of)
{
    const std::string noun = noun_of(of);
    Syntax syntax;
    syntax.path = noun + " pull";
    syntax.summary = "get " + std::string(of == Catalogue::images ? "an image" : "a kernel") +
                     " now rather than when it is first needed";
    syntax.operands = {{"NAME"}};
    syntax.examples = {
        {"banger " + noun + " pull " + (of == Catalogue::images ? "debian-bookworm" : "debian-cloud"), "by name"}};
    if (of == Catalogue::images)
        syntax.examples.push_back({"banger image pull alpine:3.20", "from a registry, as Docker users write it"});
    return syntax;
}

sdk::Result<CataloguePull> CataloguePull::parse(Catalogue of, const Arguments& arguments)
{
    return CataloguePull{of, arguments.operand(0)};
}

sdk::Result<Exit> run(const CataloguePull& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("name", verb.name);
    auto entry = (*session)->call(noun_of(verb.of) + ".pull", params);
    if (!entry)
        return std::move(entry).error();
    return context.show(entry->result, [&] { return json::string_or(entry->result, "name") + " is here\n"; });
}

}  // namespace banger::cli
