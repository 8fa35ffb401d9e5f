// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/each_vm.hpp"
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm.hpp"

namespace banger::cli {

Syntax VmStart::syntax()
{
    Syntax syntax;
    syntax.path = "vm start";
    syntax.summary = "start stopped machines, and return when they are ready";
    syntax.operands = {{"VM", Operand::Count::at_least_one}};
    syntax.examples = {{"banger vm start web", "by name"}, {"banger vm start 3fa9", "by the beginning of an id"}};
    return syntax;
}

sdk::Result<VmStart> VmStart::parse(const Arguments& arguments)
{
    auto vms = parse_vms(arguments);
    if (!vms)
        return std::move(vms).error();
    return VmStart{std::move(*vms)};
}

sdk::Result<Exit> run(const VmStart& verb, Context& context)
{
    return for_each_vm(context, verb.vms, {"vm.start", nullptr, always("is running"), nullptr});
}

}  // namespace banger::cli
