// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/each_vm.hpp"
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm.hpp"
#include "cli/prompt.hpp"
#include "cli/text.hpp"

namespace banger::cli {
namespace {

// Those that are stopped, and those running ones that the person agrees to.
sdk::Result<std::vector<std::string>> agreed(Context& context, const std::vector<std::string>& vms)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    std::vector<std::string> chosen;
    for (const auto& vm : vms) {
        json::Object params;
        params.set("vm", vm);
        auto shown = (*session)->call("vm.show", params);
        const std::string state = shown ? json::string_or(shown->result, "state") : "";
        const bool running = state == "running" || state == "paused";
        if (running) {
            auto yes = ask(context, "vm " + quoted(json::string_or(shown->result, "name")) + " is running: delete it?");
            if (!yes)
                return std::move(yes).error();
            if (!*yes)
                continue;
        }
        chosen.push_back(vm);  // one that cannot be shown is for the deletion to complain about
    }
    return chosen;
}

}  // namespace

Syntax VmDelete::syntax()
{
    Syntax syntax;
    syntax.path = "vm delete";
    syntax.summary = "delete machines and their disks";
    syntax.description = "Asks before it deletes a running machine, if there is a terminal to ask on. What the machine held of "
                         "the host goes right after that; `banger audit` waits for it.";
    syntax.operands = {{"VM", Operand::Count::at_least_one}};
    syntax.options = {{"force", 'f', "", "do not ask", {}, false}};
    syntax.examples = {{"banger vm delete web", "asks if it is running"},
                       {"banger vm delete -f web db", "without a question"}};
    return syntax;
}

sdk::Result<VmDelete> VmDelete::parse(const Arguments& arguments)
{
    auto vms = parse_vms(arguments);
    if (!vms)
        return std::move(vms).error();
    return VmDelete{std::move(*vms), arguments.has("force")};
}

sdk::Result<Exit> run(const VmDelete& verb, Context& context)
{
    std::vector<std::string> vms = verb.vms;
    if (!verb.force && can_ask()) {
        auto chosen = agreed(context, vms);
        if (!chosen)
            return std::move(chosen).error();
        vms = std::move(*chosen);
    }
    auto exit = for_each_vm(context, vms, {"vm.delete", nullptr, always("is deleted"), nullptr});
    if (exit && vms.size() < verb.vms.size())
        return Exit(OwnExit::failed);
    return exit;
}

}  // namespace banger::cli
