// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm.hpp"
#include "cli/guest_command.hpp"
#include "cli/ssh.hpp"
#include "cli/text.hpp"

namespace banger::cli {

Syntax VmSsh::syntax()
{
    Syntax syntax;
    syntax.path = "vm ssh";
    syntax.summary = "a shell in a machine, or anything else that ssh does";
    syntax.description =
        "Runs this system's ssh client, set up to reach the machine and to trust it. What follows `--` goes to ssh "
        "behind the destination: options, or a command. A machine without an ssh server gives a shell, and runs a "
        "command, through banger's agent; what is one word with spaces is for its /bin/sh then.";
    syntax.operands = {{"VM"}};
    syntax.tail = Syntax::Tail::optional;
    syntax.tail_name = "SSH-ARGUMENT";
    syntax.examples = {{"banger vm ssh web", "a shell"},
                       {"banger vm ssh web -- -L 8080:localhost:80 -N", "a port of the machine on this host"},
                       {"banger vm ssh web -- systemctl status", "a command"}};
    return syntax;
}

sdk::Result<VmSsh> VmSsh::parse(const Arguments& arguments)
{
    auto vms = parse_vms(arguments);
    if (!vms)
        return std::move(vms).error();
    return VmSsh{std::move(vms->front()), arguments.tail()};
}

sdk::Result<Exit> run(const VmSsh& verb, Context& context)
{
    auto way = find_ssh(context, verb.vm);
    if (!way)
        return std::move(way).error();
    if (way->has_sshd)
        return run_ssh(context, *way, verb.words);
    if (verb.words.empty())
        return open_shell(context, verb.vm, "", false);
    if (verb.words.front().starts_with('-'))
        return sdk::make_error(sdk::Code::unsupported,
                               "vm " + quoted(verb.vm) + " has no ssh server that would know options of ssh",
                               "use `banger vm exec " + shell_quoted(verb.vm) + " -- …`");
    GuestCommand command;
    command.vm = verb.vm;
    command.argv = verb.words;
    if (verb.words.size() == 1 && verb.words.front().find(' ') != std::string::npos)
        command.argv = {"/bin/sh", "-c", verb.words.front()};
    return run_in_guest(context, command);
}

}  // namespace banger::cli
