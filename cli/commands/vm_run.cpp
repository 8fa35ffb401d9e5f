// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm.hpp"
#include "cli/commands/workspace_options.hpp"
#include "cli/guest_command.hpp"
#include "cli/image_program.hpp"
#include "cli/left_machine.hpp"
#include "cli/text.hpp"

namespace banger::cli {
namespace {

/// Deletes the VM of a --rm, whatever happened before and whatever is pressed meanwhile.
void remove_vm(Context& context, Session& session, const std::string& id)
{
    json::Object params;
    params.set("vm", id);
    auto deleted = session.call("vm.delete", params, Session::OnInterrupt::carry_on);
    // It is in the VM's record too: a daemon that went away meanwhile does it when it is back, and one that was quicker
    // than we has done it.
    if (!deleted && deleted.error().code != sdk::Code::not_found && deleted.error().code != sdk::Code::unavailable)
        context.report(std::move(deleted).error().while_doing("delete the vm, as --rm asked"));
}

// What is run as the image says: its own program, or another in its place.
std::optional<GuestCommand> as_the_image_says(const VmRun& verb, Context& context, const std::string& id, const std::string& image)
{
    if (!verb.entrypoint && (!verb.command.empty() || verb.workspace))
        return std::nullopt;
    const auto program = find_image_program(context, id, image);
    GuestCommand command;
    if (program) {
        command.argv = program->argv();
        command.cwd = program->directory;
        command.user = program->user;
    }
    if (verb.entrypoint) {
        command.argv = {*verb.entrypoint};
        command.argv.insert(command.argv.end(), verb.command.begin(), verb.command.end());
    }
    if (verb.workspace)
        command.cwd = verb.workspace->guest_path;
    return command.argv.empty() ? std::nullopt : std::optional(std::move(command));
}

sdk::Result<Exit> use(const VmRun& verb, Context& context, const std::string& id, const std::string& image)
{
    const std::string directory = verb.workspace ? verb.workspace->guest_path : "";
    if (auto own = as_the_image_says(verb, context, id, image)) {
        own->vm = id;
        own->tty = wants_tty();
        return run_in_guest(context, *own);
    }
    // sshd is a service of the system: with --ready agent it may not be there yet.
    if (verb.command.empty())
        return open_shell(context, id, directory, verb.spec.ready != model::Ready::agent);
    GuestCommand command;
    command.vm = id;
    command.cwd = directory;
    command.argv = verb.command;
    command.tty = wants_tty();
    return run_in_guest(context, command);
}

}  // namespace

Syntax VmRun::syntax()
{
    Syntax syntax;
    syntax.path = "vm run";
    syntax.summary = "make a machine and run a command or a shell in it";
    syntax.description =
        "With a PATH, the git repository there goes along as a checkout, to /root/repo, with the working tree as it is "
        "now, and the command or shell begins in it; ignored files never go. `banger vm workspace export` brings back "
        "what changed. Programs that it names in mise.toml, .mise.toml or .tool-versions are installed before, with "
        "`mise install`.\n\n"
        "Without a command it opens a shell, or runs the entrypoint and command of a container image that boots no init "
        "of its own, in the directory and as the user that it names; the machine goes on after that, unless --rm was "
        "given. With a command, standard input, output and signals are connected to it, and its exit status becomes banger's own: "
        "128 + N for signal N, 126 and 127 where it could not be run. A failure of banger itself is 125 then.\n\n"
        "Values that are left out come from config.toml, else from what this host has: see `banger config show`.";
    syntax.operands = {{"PATH", Operand::Count::optional}};
    syntax.tail = Syntax::Tail::optional;
    syntax.options = spec_options();
    const auto of_workspace = workspace_options();
    syntax.options.insert(syntax.options.end(), of_workspace.begin(), of_workspace.end());
    syntax.options.push_back(
        {"no-bootstrap", 0, "", "do not install what the repository's mise.toml names", {}, false});
    syntax.options.push_back({"entrypoint", 0, "PROGRAM",
                              "run this instead of a container image's entrypoint, with the command as its arguments",
                              {}, false});
    syntax.options.push_back(
        {"rm", 0, "", "delete the machine when the command or shell ends, whatever its status", {}, false});
    syntax.options.push_back(
        {"detach",
         'd',
         "",
         "print the name once it is ready and leave it running; with --rm it is deleted once it stops",
         {},
         false});
    syntax.examples = {{"banger vm run", "a shell in a new machine"},
                       {"banger vm run --rm . -- make test", "the repository we are in, and a command in it"},
                       {"banger vm run --rm -- uname -a", "one command; the machine is gone afterwards"},
                       {"tar c . | banger vm run --rm --vcpu 4 -- tar xv", "with standard input"},
                       {"banger vm run -d --name web --memory 4G", "a machine for later"}};
    return syntax;
}

sdk::Result<VmRun> VmRun::parse(const Arguments& arguments)
{
    auto spec = parse_spec(arguments);
    if (!spec)
        return std::move(spec).error();
    VmRun verb;
    verb.spec = std::move(*spec);
    verb.detach = arguments.has("detach");
    verb.command = arguments.tail();
    verb.entrypoint = arguments.value("entrypoint");
    verb.dry_run = arguments.has("dry-run");
    if (!arguments.operands().empty()) {
        auto options = parse_workspace(arguments, arguments.operand(0));
        if (!options)
            return std::move(options).error();
        verb.workspace = std::move(*options);
        // What is wrong with the configuration is in the workspace's options already.
        if (auto tooling = tooling_settings(); tooling && !arguments.has("no-bootstrap")) {
            if (verb.spec.egress)
                tooling->has_network = *verb.spec.egress != sdk::Egress::none;
            verb.tooling = std::move(*tooling);
        }
    } else if (auto alone = refuse_workspace_options(arguments); !alone) {
        return std::move(alone).error();
    }
    if (verb.detach && (!verb.command.empty() || verb.entrypoint))
        return sdk::make_error(sdk::Code::invalid, "a command cannot run detached: its output would go nowhere",
                               "leave the command out, then use `banger vm exec NAME -- …`");
    if (arguments.has("rm"))
        verb.spec.removal = verb.detach ? model::Removal::when_stopped : model::Removal::with_session;
    return verb;
}

sdk::Result<Exit> run(const VmRun& verb, Context& context)
{
    std::optional<workspace::Preparation> preparation;
    std::optional<workspace::Tooling> tooling;
    if (verb.workspace) {
        auto begun = workspace::Preparation::begin(context, *verb.workspace);
        if (!begun && begun.error().code == sdk::Code::not_found)
            return std::move(begun).error().with_hint("a command comes after `--`, such as: banger vm run -- " +
                                                      printable(verb.workspace->path));
        if (!begun)
            return std::move(begun).error();
        if (verb.dry_run)
            return print_plan(context, *begun);
        if (verb.tooling)
            tooling = workspace::Tooling::plan(context, *begun, *verb.tooling);
        if (auto staged = begun->stage(); !staged)
            return std::move(staged).error();
        preparation.emplace(std::move(*begun));
    }
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params = model::to_json(verb.spec);
    params.set("start", true);
    auto vm = (*session)->call("vm.create", params);
    if (!vm)
        return std::move(vm).error();
    const std::string name = json::string_or(vm->result, "name");
    const std::string id = json::string_or(vm->result, "id");

    sdk::Result<Exit> exit = Exit(OwnExit::done);
    if (preparation)
        if (auto sent = preparation->send(id); !sent)
            exit = std::move(sent).error();
    if (exit && tooling)
        if (auto installed = tooling->install(id, name); !installed)
            exit = std::move(installed).error();
    if (exit && verb.detach)
        return context.show(vm->result, [&] { return name + "\n"; });
    if (exit)
        exit = use(verb, context, id, json::string_or(vm->result, "image"));
    if (verb.spec.removal == model::Removal::with_session)
        remove_vm(context, **session, id);
    else if (verb.command.empty() || !exit)
        return say_what_is_left(context, id, std::move(exit));
    return exit;
}

}  // namespace banger::cli
