// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm.hpp"
#include "cli/guest_command.hpp"
#include "cli/left_machine.hpp"

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

sdk::Result<Exit> use(const VmRun& verb, Context& context, const std::string& id)
{
    // sshd is a service of the system: with --ready agent it may not be there yet.
    if (verb.command.empty())
        return open_shell(context, id, verb.spec.ready != model::Ready::agent);
    GuestCommand command;
    command.vm = id;
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
        "Without a command it opens a shell; leaving that leaves the machine running, unless --rm was given. With a "
        "command, standard input, output and signals are connected to it, and its exit status becomes banger's own: "
        "128 + N for signal N, 126 and 127 where it could not be run. A failure of banger itself is 125 then.\n\n"
        "Values that are left out come from config.toml, else from what this host has: see `banger config show`.";
    syntax.tail = Syntax::Tail::optional;
    syntax.options = spec_options();
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
    VmRun verb{std::move(*spec), arguments.has("detach"), arguments.tail()};
    if (verb.detach && !verb.command.empty())
        return sdk::make_error(sdk::Code::invalid, "a command cannot run detached: its output would go nowhere",
                               "leave the command out, then use `banger vm exec NAME -- …`");
    if (arguments.has("rm"))
        verb.spec.removal = verb.detach ? model::Removal::when_stopped : model::Removal::with_session;
    return verb;
}

sdk::Result<Exit> run(const VmRun& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params = model::to_json(verb.spec);
    params.set("start", true).set("wait", true);
    auto vm = (*session)->call("vm.create", params);
    if (!vm)
        return std::move(vm).error();
    const std::string name = json::string_or(vm->result, "name");
    const std::string id = json::string_or(vm->result, "id");
    if (verb.detach)
        return context.show(vm->result, [&] { return name + "\n"; });

    auto exit = use(verb, context, id);
    if (verb.spec.removal == model::Removal::with_session)
        remove_vm(context, **session, id);
    else if (verb.command.empty() || !exit)
        return say_what_is_left(context, id, std::move(exit));
    return exit;
}

}  // namespace banger::cli
