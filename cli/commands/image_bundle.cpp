// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include "cli/commands/catalogue.hpp"
#include "core/base/sizes.hpp"

namespace banger::cli {
namespace {

// What a catalogue could call an image that is called after a registry.
std::string entry_name_for(const std::string& image)
{
    std::string name = image.substr(image.rfind('/') + 1);
    std::replace_if(name.begin(), name.end(), [](char c) { return c == ':' || c == '@' || c == '_'; }, '-');
    return name;
}

Option name_option()
{
    return {"name", 0, "NAME", "what a catalogue calls it (default: after the image)", {}, false};
}

json::Object params_for(const Arguments& arguments, const std::string& directory)
{
    json::Object params;
    params.set("name", arguments.operand(0)).set("directory", std::filesystem::absolute(directory).lexically_normal().string());
    params.set("as", arguments.value("name").value_or(entry_name_for(arguments.operand(0))));
    return params;
}

sdk::Result<Exit> call(const char* method, const json::Object& params, Context& context)
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

Syntax ImageBundle::syntax()
{
    Syntax syntax;
    syntax.path = "image bundle";
    syntax.summary = "write an image into one file, which goes by its digest";
    syntax.description = "With -o json the answer holds the entry that a catalogue has for it.";
    syntax.operands = {{"IMAGE"}};
    syntax.options = {{"out", 0, "DIRECTORY", "where to (default: here)", {}, false}, name_option()};
    syntax.examples = {{"banger image bundle debian-bookworm --out /srv/images", "a .tar.zst there"}};
    return syntax;
}

sdk::Result<ImageBundle> ImageBundle::parse(const Arguments& arguments)
{
    return ImageBundle{params_for(arguments, arguments.value("out").value_or("."))};
}

sdk::Result<Exit> run(const ImageBundle& verb, Context& context)
{
    return call("image.bundle", verb.params, context);
}

Syntax ImagePublish::syntax()
{
    Syntax syntax;
    syntax.path = "image publish";
    syntax.summary = "write an image's bundle, and a catalogue with it, into a directory that a web server can serve";
    syntax.description =
        "Others list `catalogue.json` in their config.toml, with the key that signs it: "
        "`ssh-keygen -Y sign -n banger-catalogue -f KEY catalogue.json`, or minisign. Each publishing makes it another "
        "catalogue, which has to be signed again.";
    syntax.operands = {{"IMAGE"}, {"DIRECTORY"}};
    syntax.options = {name_option()};
    syntax.examples = {{"banger image publish local/web:1 /srv/images --name web", "others then run `vm run --image web`"}};
    return syntax;
}

sdk::Result<ImagePublish> ImagePublish::parse(const Arguments& arguments)
{
    return ImagePublish{params_for(arguments, arguments.operand(1))};
}

sdk::Result<Exit> run(const ImagePublish& verb, Context& context)
{
    return call("image.publish", verb.params, context);
}

}  // namespace banger::cli
