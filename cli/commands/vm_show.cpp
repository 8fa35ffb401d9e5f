// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm.hpp"
#include "cli/render/vm.hpp"

namespace banger::cli {

Syntax VmShow::syntax()
{
    Syntax syntax;
    syntax.path = "vm show";
    syntax.summary = "everything about one machine";
    syntax.operands = {{"VM"}};
    syntax.options = {{"handles", 0, "", "also what it holds in the kernel now, from its journal", {}, false}};
    syntax.examples = {{"banger vm show web", "as a page"},
                       {"banger vm show web -o json | jq -r .address", "for a script"}};
    return syntax;
}

sdk::Result<VmShow> VmShow::parse(const Arguments& arguments)
{
    auto vms = parse_vms(arguments);
    if (!vms)
        return std::move(vms).error();
    return VmShow{std::move(vms->front()), arguments.has("handles")};
}

sdk::Result<Exit> run(const VmShow& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("vm", verb.vm).set("handles", verb.handles);
    auto vm = (*session)->call("vm.show", params);
    if (!vm)
        return std::move(vm).error();
    return context.show(vm->result, [&] { return vm_page(vm->result, context.columns()); });
}

}  // namespace banger::cli
