// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "cli/commands/spec_options.hpp"
#include "cli/commands/workspace.hpp"
#include "cli/text.hpp"

namespace banger::cli {

Syntax WorkspaceExport::syntax()
{
    Syntax syntax;
    syntax.path = "vm workspace export";
    syntax.summary = "bring what changed in a machine's workspace back, as a git patch";
    syntax.description =
        "Everything that differs from the files as they came: commits made there, changes that were not committed, new "
        "files, binary ones too; ignored files not. The patch goes to standard output, to a file, or onto a directory "
        "here, and onto that only if all of it fits. Nothing in the machine is changed.\n\n"
        "A submodule's changes are exported by themselves, with its --guest-path.";
    syntax.operands = {{"VM"}};
    syntax.options = {
        {"guest-path", 0, "PATH", "where the workspace is in the machine; /root/repo if left out", {}, false},
        {"base-commit", 0, "REVISION", "what is counted as unchanged, instead of the files as they came", {}, false},
        {"output", 0, "FILE", "write the patch there; `-` is standard output", {}, false},
        {"apply", 0, "", "apply it to the repository we are in", {}, false},
        {"into", 0, "DIRECTORY", "apply it to the repository of that directory", {}, false}};
    syntax.examples = {{"banger vm workspace export sandbox", "look at it"},
                       {"banger vm workspace export --apply sandbox", "take it over"},
                       {"banger vm workspace export --output fix.patch sandbox", "keep it"}};
    return syntax;
}

sdk::Result<WorkspaceExport> WorkspaceExport::parse(const Arguments& arguments)
{
    auto vm = parse_vm(arguments.operand(0));
    if (!vm)
        return std::move(vm).error();
    WorkspaceExport verb;
    verb.workspace = {std::move(*vm), arguments.value("guest-path").value_or(workspace::default_guest_path),
                      arguments.value("base-commit").value_or("")};
    verb.output = arguments.value("output").value_or("");
    verb.directory = arguments.value("into").value_or(".");
    verb.apply = arguments.has("apply") || arguments.has("into");
    if (verb.apply && !verb.output.empty())
        return sdk::make_error(sdk::Code::invalid, "--output and --apply are two things to do with one patch",
                               "leave one of them out");
    return verb;
}

sdk::Result<Exit> run(const WorkspaceExport& verb, Context& context)
{
    auto interrupt = workspace::interrupt_of(context);
    if (!interrupt)
        return std::move(interrupt).error();
    std::string root;
    if (verb.apply) {
        auto repository = workspace::find_repository(verb.directory, *interrupt);
        if (!repository)
            return std::move(repository).error();
        root = repository->root;
    }
    auto patch = workspace::Patch::take(context, verb.workspace);
    if (!patch)
        return std::move(patch).error();
    if (patch->bytes() == 0)
        context.note("nothing changed in the workspace");
    if (!verb.apply && (verb.output.empty() || verb.output == "-")) {
        context.end_session();
        if (auto printed = workspace::copy_patch(patch->path(), STDOUT_FILENO); !printed)
            return std::move(printed).error();
        return Exit(OwnExit::done);
    }
    auto done = verb.apply ? patch->apply(root, *interrupt) : workspace::write_patch(patch->path(), verb.output);
    if (!done)
        return workspace::interrupted(context, std::move(done).error());
    json::Object result;
    result.set("bytes", patch->bytes()).set(verb.apply ? "applied_to" : "output", verb.apply ? root : verb.output);
    return context.show(result.value(), [] { return std::string(); });
}

}  // namespace banger::cli
