// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/catalogue.hpp"
#include "cli/commands/image_choices.hpp"

namespace banger::cli {

Syntax ImagePromote::syntax()
{
    Syntax syntax;
    syntax.path = "image promote";
    syntax.summary = "make an image of a stopped machine, or keep one that is here";
    syntax.description =
        "Of a machine: what is on its disks, its home included, under the name given or local/ and the machine's; other "
        "machines of it have its kernel and its disks' length. Host keys, machine-id and banger's own ssh key stay out of it, "
        "and all else is in it, passwords and keys too. The machine stays as it is. "
        "Of an image: it gets one more name, and `banger image prune` leaves it alone.";
    syntax.operands = {{"VM|IMAGE"}};
    syntax.options = {{"name", 0, "NAME", "what to call it", {}, false}};
    for (auto& option : image_choice_options())
        if (option.name != "platform")
            syntax.options.push_back(std::move(option));
    syntax.examples = {{"banger image promote web --name local/web:1", "then `banger vm run --image local/web:1`"},
                       {"banger image promote alpine:3.20", "it stays, whether a machine uses it or not"}};
    return syntax;
}

sdk::Result<ImagePromote> ImagePromote::parse(const Arguments& arguments)
{
    ImagePromote verb;
    verb.params.set("name", arguments.operand(0));
    if (const auto name = arguments.value("name")) {
        if (auto legal = check_own_name(*name); !legal)
            return std::move(legal).error();
        verb.params.set("as", *name);
    }
    if (auto set = set_image_choices(arguments, verb.params); !set)
        return std::move(set).error();
    return verb;
}

sdk::Result<Exit> run(const ImagePromote& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto entry = (*session)->call("image.promote", verb.params);
    if (!entry)
        return std::move(entry).error();
    return context.show(entry->result, [&] { return json::string_or(entry->result, "name") + " is kept\n"; });
}

}  // namespace banger::cli
