// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/each_vm.hpp"
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm.hpp"
#include "cli/render/host.hpp"

namespace banger::cli {

Syntax VmHealth::syntax()
{
    Syntax syntax;
    syntax.path = "vm health";
    syntax.summary = "whether machines are well";
    syntax.description =
        "Looks at the VMM, the agent and how fast it answers, the guest's init, what is free on its disks, and its "
        "clock. The exit status is 1 if one of the machines is not healthy, as one that is stopped is not. A warning, "
        "such as a failed unit, leaves a machine healthy.";
    syntax.operands = {{"VM", Operand::Count::at_least_one}};
    syntax.examples = {{"banger vm health web", "each check on a line"},
                       {"banger vm health web >/dev/null || banger vm restart web", "in a script"}};
    return syntax;
}

sdk::Result<VmHealth> VmHealth::parse(const Arguments& arguments)
{
    auto vms = parse_vms(arguments);
    if (!vms)
        return std::move(vms).error();
    return VmHealth{std::move(*vms)};
}

sdk::Result<Exit> run(const VmHealth& verb, Context& context)
{
    const auto say = [&](const json::Value& health) {
        std::string page = json::bool_or(health, "healthy") ? "is healthy\n" : "is not healthy\n";
        page += doctor_page(health, context.columns(), context.colour());
        page.pop_back();  // the last line's end is printed behind it
        return page;
    };
    const auto is_fine = [](const json::Value& health) { return json::bool_or(health, "healthy"); };
    return for_each_vm(context, verb.vms, {"vm.health", nullptr, say, is_fine});
}

}  // namespace banger::cli
