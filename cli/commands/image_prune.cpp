// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/catalogue.hpp"
#include "cli/prompt.hpp"
#include "cli/render/catalogue.hpp"
#include "core/base/sizes.hpp"

namespace banger::cli {
namespace {

sdk::Result<json::Document> find_victims(const ImagePrune& verb, Session& session)
{
    json::Object params;
    params.set("all", verb.all).set("dry_run", true);
    auto found = session.call("image.prune", params);
    if (!found)
        return std::move(found).error();
    return std::move(found->result);
}

std::vector<std::string> ids_of(const json::Value& victims)
{
    std::vector<std::string> ids;
    if (const json::Value* images = json::find(victims, "images"); images != nullptr && images->IsArray())
        for (const auto& image : images->GetArray())
            ids.push_back(json::string_or(image, "id"));
    return ids;
}

sdk::Result<bool> agreed(const json::Value& victims, std::size_t count, Context& context)
{
    context.note("no machine uses these, and they would be deleted:");
    std::string table = spare_table(victims, context.error_columns());
    table.pop_back();  // the note ends its line itself
    context.note(table);
    return ask(context, count == 1 ? "delete it?" : "delete these " + std::to_string(count) + "?");
}

}  // namespace

Syntax ImagePrune::syntax()
{
    Syntax syntax;
    syntax.path = "image prune";
    syntax.summary = "delete images that nothing needs";
    syntax.description =
        "Those that no machine uses and no name leads to, since what had their name means another by now, and damaged ones. "
        "Lists them and asks; without a terminal to ask on it refuses, unless --force is given. Nothing that is being made is "
        "touched.";
    syntax.options = {{"all", 'a', "", "also those that no machine uses and that can be had again by their name", {}, false},
                      {"force", 'f', "", "do not ask", {}, false},
                      {"dry-run", 'n', "", "only list them", {}, false}};
    syntax.examples = {{"banger image prune", "lists them, and asks"},
                       {"banger image prune --all --dry-run", "what all unused images take"},
                       {"banger image promote alpine:3.20", "this one is never among them"}};
    return syntax;
}

sdk::Result<ImagePrune> ImagePrune::parse(const Arguments& arguments)
{
    return ImagePrune{arguments.has("all"), arguments.has("force"), arguments.has("dry-run")};
}

sdk::Result<Exit> run(const ImagePrune& verb, Context& context)
{
    if (!verb.force && !verb.dry_run && !can_ask())
        return sdk::make_error(sdk::Code::precondition, "there is no terminal to ask on",
                               "`banger image prune --force` does not ask, `banger image prune --dry-run` only lists");
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto victims = find_victims(verb, **session);
    if (!victims)
        return std::move(victims).error();
    if (verb.dry_run)
        return context.show(*victims, [&] { return spare_table(*victims, context.columns()); });
    const auto ids = ids_of(*victims);
    if (!ids.empty() && !verb.force) {
        auto yes = agreed(*victims, ids.size(), context);
        if (!yes)
            return std::move(yes).error();
        if (!*yes)
            return Exit(OwnExit::failed);
    }
    // The daemon looks once more: somebody may have taken one of them for a machine meanwhile.
    json::Object params;
    params.set("all", verb.all).set("only", ids);
    auto gone = (*session)->call("image.prune", params);
    if (!gone)
        return std::move(gone).error();
    return context.show(gone->result, [&] {
        const auto count = ids_of(gone->result).size();
        if (count == 0)
            return std::string("there is nothing to delete\n");
        return std::to_string(count) + (count == 1 ? " image is" : " images are") + " deleted, " +
               base::format_size(json::uint_or(gone->result, "freed_bytes")) + " are free again\n";
    });
}

}  // namespace banger::cli
