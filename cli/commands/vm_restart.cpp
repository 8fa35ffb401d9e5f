// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/each_vm.hpp"
#include "cli/commands/stop_options.hpp"
#include "cli/commands/vm.hpp"

namespace banger::cli {

Syntax VmRestart::syntax()
{
    Syntax syntax;
    syntax.path = "vm restart";
    syntax.summary = "shut machines down and start them again, with nobody in between";
    syntax.description =
        "Asks the guest's init to power off, as `banger vm stop` does, and then boots it with the same disks, name and "
        "identity. A machine that is stopped is started. After Ctrl-C while it shuts down it stays stopped.";
    syntax.operands = {{"VM", Operand::Count::at_least_one}};
    syntax.options = {stop_timeout_option()};
    syntax.examples = {{"banger vm restart web", "a clean reboot, from outside"},
                       {"banger vm restart --timeout 5s web db", "two of them, cut off after 5 seconds"}};
    return syntax;
}

sdk::Result<VmRestart> VmRestart::parse(const Arguments& arguments)
{
    return parse_stopping<VmRestart>(arguments);
}

sdk::Result<Exit> run(const VmRestart& verb, Context& context)
{
    const auto add_timeout = [&](json::Object& params) { params.set("timeout_s", verb.timeout_s); };
    const auto say = [](const json::Value& vm) {
        return std::string(json::bool_or(vm, "was_running") ? "was restarted" : "was stopped, and is running");
    };
    return for_each_vm(context, verb.vms, {"vm.restart", add_timeout, say, nullptr});
}

}  // namespace banger::cli
