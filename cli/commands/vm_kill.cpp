// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/each_vm.hpp"
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm.hpp"

namespace banger::cli {

Syntax VmKill::syntax()
{
    Syntax syntax;
    syntax.path = "vm kill";
    syntax.summary = "cut machines off, as pulling the plug does";
    syntax.operands = {{"VM", Operand::Count::at_least_one}};
    syntax.options = {{"signal",
                       's',
                       "SIGNAL",
                       "what its VMM process gets: KILL (the default), TERM, INT, QUIT or HUP",
                       {"KILL", "TERM", "INT", "QUIT", "HUP"},
                       false}};
    syntax.examples = {{"banger vm kill web", "at once"}, {"banger vm kill --signal TERM web", "let the VMM clean up"}};
    return syntax;
}

sdk::Result<VmKill> VmKill::parse(const Arguments& arguments)
{
    auto vms = parse_vms(arguments);
    if (!vms)
        return std::move(vms).error();
    return VmKill{std::move(*vms), arguments.value("signal").value_or("KILL")};
}

sdk::Result<Exit> run(const VmKill& verb, Context& context)
{
    const auto add_signal = [&](json::Object& params) { params.set("signal", verb.signal); };
    return for_each_vm(context, verb.vms, {"vm.kill", add_signal, always("was killed"), nullptr});
}

}  // namespace banger::cli
