// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/vm_session.hpp"
#include "guest/protocol/exec_messages.hpp"

namespace banger::cli {

Syntax VmSessionKill::syntax()
{
    Syntax syntax;
    syntax.path = "vm session kill";
    syntax.summary = "send a signal to a session";
    syntax.description = "The command gets it, and what it has started in its process group and in the foreground.";
    syntax.operands = session_operands();
    syntax.options = {{"signal", 's', "SIGNAL", "a name such as INT, or a number; KILL if left out", {}, false}};
    syntax.examples = {{"banger vm session kill web build", "end it at once"},
                       {"banger vm session kill --signal HUP web server", "have it read its settings anew"}};
    return syntax;
}

sdk::Result<VmSessionKill> VmSessionKill::parse(const Arguments& arguments)
{
    auto of = parse_session(arguments);
    if (!of)
        return std::move(of).error();
    VmSessionKill verb{std::move(*of), arguments.value("signal").value_or("KILL")};
    if (auto number = agent::signal_number(verb.signal); !number)
        return std::move(number).error();
    return verb;
}

sdk::Result<Exit> run(const VmSessionKill& verb, Context& context)
{
    json::Object params;
    params.set("signal", verb.signal);
    auto killed = call_session(context, "vm.session.kill", verb.of, std::move(params));
    if (!killed)
        return std::move(killed).error();
    return show_session(context, killed->result, "was sent " + verb.signal);
}

}  // namespace banger::cli
