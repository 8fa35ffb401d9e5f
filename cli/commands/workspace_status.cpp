// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/spec_options.hpp"
#include "cli/commands/workspace.hpp"
#include "cli/text.hpp"

namespace banger::cli {

Syntax WorkspaceStatus::syntax()
{
    Syntax syntax;
    syntax.path = "vm workspace status";
    syntax.summary = "what changed in a machine's workspace";
    syntax.operands = {{"VM"}};
    syntax.options = {
        {"guest-path", 0, "PATH", "where the workspace is in the machine; /root/repo if left out", {}, false},
        {"base-commit", 0, "REVISION", "what is counted as unchanged, instead of the files as they came", {}, false}};
    syntax.examples = {{"banger vm workspace status sandbox", "branch, commits and files"}};
    return syntax;
}

sdk::Result<WorkspaceStatus> WorkspaceStatus::parse(const Arguments& arguments)
{
    auto vm = parse_vm(arguments.operand(0));
    if (!vm)
        return std::move(vm).error();
    return WorkspaceStatus{{std::move(*vm), arguments.value("guest-path").value_or(workspace::default_guest_path),
                            arguments.value("base-commit").value_or("")}};
}

sdk::Result<Exit> run(const WorkspaceStatus& verb, Context& context)
{
    auto status = workspace::status_of(context, verb.workspace);
    if (!status)
        return std::move(status).error();
    json::Array changes;
    for (const auto& change : status->changes) {
        json::Object one;
        one.set("how", std::string(1, change.how)).set("name", change.name);
        changes.add(one);
    }
    json::Object result;
    result.set("guest_path", verb.workspace.path).set("base", status->base).set("head", status->head);
    result.set("branch", status->branch).set("commits", status->commits).set("changes", changes);
    return context.show(result.value(), [&] {
        std::string text = status->branch.empty() ? "at " + status->head : "branch " + printable(status->branch);
        text += ", " + std::to_string(status->commits) + (status->commits == 1 ? " commit" : " commits") + " since, " +
                std::to_string(status->changes.size()) + (status->changes.size() == 1 ? " file" : " files") + " changed\n";
        for (const auto& change : status->changes)
            text += std::string(1, change.how) + " " + printable(change.name) + "\n";
        return text;
    });
}

}  // namespace banger::cli
