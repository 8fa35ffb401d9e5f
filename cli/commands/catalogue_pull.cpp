// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/catalogue.hpp"
#include "cli/commands/image_choices.hpp"

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
    if (of == Catalogue::kernels)
        return syntax;
    syntax.options = image_choice_options();
    syntax.options.insert(syntax.options.begin(), {"name", 0, "NAME", "one more name for it", {}, false});
    syntax.examples.push_back({"banger image pull alpine:3.20", "from a registry, as Docker users write it"});
    syntax.examples.push_back({"banger image pull alpine:3.20 --name local/base:1 --size 20G", "with a name and disks of your own"});
    return syntax;
}

sdk::Result<CataloguePull> CataloguePull::parse(Catalogue of, const Arguments& arguments)
{
    CataloguePull verb{of};
    verb.params.set("name", arguments.operand(0));
    if (of == Catalogue::kernels)
        return verb;
    if (const auto name = arguments.value("name")) {
        if (auto legal = check_own_name(*name); !legal)
            return std::move(legal).error();
        verb.params.set("as", *name);
    }
    if (auto set = set_image_choices(arguments, verb.params); !set)
        return std::move(set).error();
    return verb;
}

sdk::Result<Exit> run(const CataloguePull& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto entry = (*session)->call(noun_of(verb.of) + ".pull", verb.params);
    if (!entry)
        return std::move(entry).error();
    return context.show(entry->result, [&] { return json::string_or(entry->result, "name") + " is here\n"; });
}

}  // namespace banger::cli
