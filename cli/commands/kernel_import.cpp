// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "cli/commands/catalogue.hpp"
#include "cli/commands/image_choices.hpp"

namespace banger::cli {

Syntax KernelImport::syntax()
{
    Syntax syntax;
    syntax.path = "kernel import";
    syntax.summary = "take a kernel in files of this host, or in a bundle";
    syntax.description =
        "PATH is a vmlinux, or the bzImage that distributions call vmlinuz. Its configuration is looked for in it and beside "
        "it: a kernel that lacks something that a machine needs is refused, by name. Or it is what `banger kernel bundle` "
        "wrote, which brings all of that.";
    syntax.operands = {{"PATH"}};
    syntax.options = {{"name", 0, "NAME", "what to call it (default: the file's name)", {}, false},
                      {"modules", 0, "DIRECTORY", "its modules, such as /lib/modules/6.1.0", {}, false},
                      {"config", 0, "FILE", "its .config, where it is neither in it nor beside it", {}, false},
                      {"command-line", 0, "WORDS", "what it wants to be told beside banger's own words", {}, false}};
    syntax.examples = {{"banger kernel import /boot/vmlinuz-$(uname -r) --modules /lib/modules",
                        "this host's own"},
                       {"banger kernel import vmlinux --config .config --name mine", "then `banger vm run --kernel mine`"}};
    return syntax;
}

sdk::Result<KernelImport> KernelImport::parse(const Arguments& arguments)
{
    KernelImport verb;
    const auto absolute = [](const std::string& path) {
        return std::filesystem::absolute(path).lexically_normal().string();
    };
    const auto path = absolute(arguments.operand(0));
    verb.params.set("path", path);
    verb.params.set("name", arguments.value("name").value_or(without_digest(std::filesystem::path(path).filename().string())));
    for (const char* option : {"modules", "config"})
        if (const auto value = arguments.value(option))
            verb.params.set(option, absolute(*value));
    if (const auto words = arguments.value("command-line"))
        verb.params.set("command_line", *words);
    return verb;
}

sdk::Result<Exit> run(const KernelImport& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto entry = (*session)->call("kernel.import", verb.params);
    if (!entry)
        return std::move(entry).error();
    return context.show(entry->result, [&] {
        return json::string_or(entry->result, "name") + " is here, version " + json::string_or(entry->result, "version") +
               "\n";
    });
}

}  // namespace banger::cli
