// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "cli/commands/catalogue.hpp"

namespace banger::cli {

Syntax ImageImport::syntax()
{
    Syntax syntax;
    syntax.path = "image import";
    syntax.summary = "make an image of an OCI layout, of what `docker save` wrote, or of a root file system";
    syntax.description =
        "Layouts and root file systems are directories or tar archives, compressed or not. Importing a layout or archive "
        "that has not changed does nothing.";
    syntax.operands = {{"PATH"}};
    syntax.options = {{"name", 0, "NAME", "what to call it (default: local/ and the file's name)", {}, false}};
    syntax.examples = {{"banger image import ./layout --name local/web:1", "then `banger vm run --image local/web:1`"},
                       {"docker save web -o web.tar && banger image import web.tar", "it is called local/web.tar"}};
    return syntax;
}

sdk::Result<ImageImport> ImageImport::parse(const Arguments& arguments)
{
    ImageImport verb;
    verb.path = std::filesystem::absolute(arguments.operand(0)).lexically_normal();
    if (verb.path.size() > 1 && verb.path.back() == '/')
        verb.path.pop_back();
    verb.name = arguments.value("name").value_or("local/" + std::filesystem::path(verb.path).filename().string());
    if (verb.name.find_first_of(":/@") == std::string::npos)
        return sdk::make_error(sdk::Code::invalid, "'" + verb.name + "' cannot be told from a name of the catalogue",
                               "give it a tag, such as " + verb.name + ":1");
    return verb;
}

sdk::Result<Exit> run(const ImageImport& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("path", verb.path).set("name", verb.name);
    auto entry = (*session)->call("image.import", params);
    if (!entry)
        return std::move(entry).error();
    return context.show(entry->result, [&] { return json::string_or(entry->result, "name") + " is here\n"; });
}

}  // namespace banger::cli
