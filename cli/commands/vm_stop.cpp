// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/each_vm.hpp"
#include "cli/commands/stop_options.hpp"
#include "cli/commands/vm.hpp"

namespace banger::cli {

Syntax VmStop::syntax()
{
    Syntax syntax;
    syntax.path = "vm stop";
    syntax.summary = "shut machines down; their disks stay";
    syntax.description =
        "Asks the guest's init to power off. What has not ended when the time is over is cut off, after what it wrote "
        "is safe on its disks.";
    syntax.operands = {{"VM", Operand::Count::at_least_one}};
    syntax.options = {stop_timeout_option()};
    syntax.examples = {{"banger vm stop web", "shut down"},
                       {"banger vm stop --timeout 5s web db", "two of them, soon"}};
    return syntax;
}

sdk::Result<VmStop> VmStop::parse(const Arguments& arguments)
{
    return parse_stopping<VmStop>(arguments);
}

sdk::Result<Exit> run(const VmStop& verb, Context& context)
{
    const auto add_timeout = [&](json::Object& params) { params.set("timeout_s", verb.timeout_s); };
    return for_each_vm(context, verb.vms, {"vm.stop", add_timeout, always("is stopped"), nullptr});
}

}  // namespace banger::cli
