// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm.hpp"
#include "cli/guest_command.hpp"

namespace banger::cli {

Syntax VmExec::syntax()
{
    Syntax syntax;
    syntax.path = "vm exec";
    syntax.summary = "run a command in a running machine";
    syntax.description =
        "Standard input, output and signals are connected to the command, which gets a terminal if input and output "
        "here are one. Its exit status becomes banger's own: 128 + N for signal N, 126 and 127 where it could not be "
        "run. A failure of banger itself is 125.";
    syntax.operands = {{"VM"}};
    syntax.tail = Syntax::Tail::required;
    syntax.options = {{"tty", 't', "", "give it a terminal in any case", {}, false},
                      {"interactive", 'i', "", "connect standard input, which is done anyway", {}, false},
                      environment_option(),
                      {"cwd", 'w', "DIRECTORY", "where it starts; the user's home if left out", {}, false},
                      {"user", 'u', "USER", "who runs it: a name, or UID[:GID]; root if left out", {}, false}};
    syntax.examples = {{"banger vm exec web -- systemctl status nginx", "a command"},
                       {"banger vm exec web -- sh -c 'cat > /etc/motd' < motd", "with standard input"},
                       {"banger vm exec --user www-data --env DEBUG=1 web -- ./check", "as somebody else"}};
    return syntax;
}

sdk::Result<VmExec> VmExec::parse(const Arguments& arguments)
{
    auto vms = parse_vms(arguments);
    if (!vms)
        return std::move(vms).error();
    auto environment = parse_environment(arguments);
    if (!environment)
        return std::move(environment).error();
    VmExec verb;
    verb.vm = std::move(vms->front());
    verb.command = arguments.tail();
    verb.environment = std::move(*environment);
    verb.cwd = arguments.value("cwd").value_or("");
    verb.user = arguments.value("user").value_or("");
    verb.terminal = arguments.has("tty") ? Terminal::always : Terminal::automatic;
    return verb;
}

sdk::Result<Exit> run(const VmExec& verb, Context& context)
{
    GuestCommand command;
    command.vm = verb.vm;
    command.argv = verb.command;
    command.environment = verb.environment;
    command.cwd = verb.cwd;
    command.user = verb.user;
    command.tty = verb.terminal == VmExec::Terminal::always || wants_tty();
    return run_in_guest(context, command);
}

}  // namespace banger::cli
