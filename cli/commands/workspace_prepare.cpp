// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/workspace.hpp"
#include "cli/commands/workspace_options.hpp"
#include "cli/text.hpp"

namespace banger::cli {

Syntax WorkspacePrepare::syntax()
{
    Syntax syntax;
    syntax.path = "vm workspace prepare";
    syntax.summary = "put a directory of yours into a running machine";
    syntax.description =
        "A git repository, from any directory in it, becomes a checkout there: branch, remote, recent history, and the "
        "working tree as it is now, with uncommitted and untracked files; ignored ones never go. A directory in no "
        "repository goes as it is. Nothing here is changed.";
    syntax.operands = {{"VM"}, {"PATH", Operand::Count::optional}};
    syntax.options = workspace_options();
    syntax.examples = {{"banger vm workspace prepare web", "the repository we are in"},
                       {"banger vm workspace prepare --branch try --from main web ~/src/shop", "a new branch from main"},
                       {"banger vm workspace prepare --dry-run web .", "what would go"}};
    return syntax;
}

sdk::Result<WorkspacePrepare> WorkspacePrepare::parse(const Arguments& arguments)
{
    auto parsed = parse_vm_workspace(arguments);
    if (!parsed)
        return std::move(parsed).error();
    return WorkspacePrepare{std::move(parsed->vm), std::move(parsed->options), arguments.has("dry-run")};
}

sdk::Result<Exit> run(const WorkspacePrepare& verb, Context& context)
{
    auto preparation = workspace::Preparation::begin(context, verb.options);
    if (!preparation)
        return std::move(preparation).error();
    if (verb.dry_run)
        return print_plan(context, *preparation);
    if (auto staged = preparation->stage(); !staged)
        return std::move(staged).error();
    if (auto sent = preparation->send(verb.vm); !sent)
        return std::move(sent).error();
    return context.show(preparation->facts().value(), [] { return std::string(); });
}

}  // namespace banger::cli
