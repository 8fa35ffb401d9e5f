// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include "cli/commands/catalogue.hpp"
#include "core/base/sizes.hpp"

namespace banger::cli {
namespace {

// What a catalogue could call an image that is called after a registry.
std::string entry_name_for(const std::string& item)
{
    std::string name = item.substr(item.rfind('/') + 1);
    std::replace_if(name.begin(), name.end(), [](char c) { return c == ':' || c == '@' || c == '_'; }, '-');
    return name;
}

std::string with_article(Catalogue of)
{
    return of == Catalogue::images ? "an image" : "a kernel";
}

Operand item_operand(Catalogue of)
{
    return {of == Catalogue::images ? "IMAGE" : "KERNEL"};
}

Option name_option(Catalogue of)
{
    return {"name", 0, "NAME", "what a catalogue calls it (default: after the " + noun_of(of) + ")", {}, false};
}

json::Object params_for(const Arguments& arguments, const std::string& directory)
{
    json::Object params;
    params.set("name", arguments.operand(0)).set("directory", std::filesystem::absolute(directory).lexically_normal().string());
    params.set("as", arguments.value("name").value_or(entry_name_for(arguments.operand(0))));
    return params;
}

sdk::Result<Exit> call(const std::string& method, const json::Object& params, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto written = (*session)->call(method, params);
    if (!written)
        return std::move(written).error();
    return context.show(written->result, [&] {
        return json::string_or(written->result, "file") + ", " +
               base::format_size(json::uint_or(written->result, "bytes")) + "\n";
    });
}

}  // namespace

Syntax CatalogueBundle::syntax(Catalogue of)
{
    Syntax syntax;
    syntax.path = noun_of(of) + " bundle";
    syntax.summary = "write " + with_article(of) + " into one file, which goes by its digest";
    syntax.description = "`banger " + noun_of(of) + " import` takes it, on any host. With -o json the answer holds the entry that a "
                         "catalogue has for it.";
    syntax.operands = {item_operand(of)};
    syntax.options = {{"out", 0, "DIRECTORY", "where to (default: here)", {}, false}, name_option(of)};
    const std::string example = of == Catalogue::images ? "debian-bookworm" : "debian-cloud";
    syntax.examples = {{"banger " + noun_of(of) + " bundle " + example + " --out /srv/images", "a .tar.zst there"}};
    return syntax;
}

sdk::Result<CatalogueBundle> CatalogueBundle::parse(Catalogue of, const Arguments& arguments)
{
    return CatalogueBundle{of, params_for(arguments, arguments.value("out").value_or("."))};
}

sdk::Result<Exit> run(const CatalogueBundle& verb, Context& context)
{
    return call(noun_of(verb.of) + ".bundle", verb.params, context);
}

Syntax CataloguePublish::syntax(Catalogue of)
{
    const std::string noun = noun_of(of);
    Syntax syntax;
    syntax.path = noun + " publish";
    syntax.summary =
        "write " + with_article(of) + " as a bundle, and a catalogue with it, into a directory that a web server can serve";
    syntax.description =
        "Others list `catalogue.json` in their config.toml, with the key that signs it: "
        "`ssh-keygen -Y sign -n banger-catalogue -f KEY catalogue.json`, or minisign. Each publishing makes it another "
        "catalogue, which has to be signed again.";
    if (of == Catalogue::images)
        syntax.description += " An image counts for them if they know its kernel: publish one of your own too.";
    syntax.operands = {item_operand(of), {"DIRECTORY"}};
    syntax.options = {name_option(of)};
    if (of == Catalogue::images)
        syntax.examples = {{"banger image publish local/web:1 /srv/images --name web", "others then run `vm run --image web`"}};
    else
        syntax.examples = {{"banger kernel publish mine /srv/images", "others then run `vm run --kernel mine`"}};
    return syntax;
}

sdk::Result<CataloguePublish> CataloguePublish::parse(Catalogue of, const Arguments& arguments)
{
    return CataloguePublish{of, params_for(arguments, arguments.operand(1))};
}

sdk::Result<Exit> run(const CataloguePublish& verb, Context& context)
{
    return call(noun_of(verb.of) + ".publish", verb.params, context);
}

}  // namespace banger::cli
