// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/vm.hpp"
#include "cli/render/vm.hpp"

namespace banger::cli {

Syntax VmList::syntax()
{
    Syntax syntax;
    syntax.path = "vm list";
    syntax.summary = "the machines there are";
    syntax.examples = {{"banger vm list", "as a table"},
                       {"banger vm list -o json | jq -r '.vms[].name'", "for a script"}};
    return syntax;
}

sdk::Result<VmList> VmList::parse(const Arguments& /*arguments*/)
{
    return VmList{};
}

sdk::Result<Exit> run(const VmList& /*verb*/, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto list = (*session)->call("vm.list", json::Object());
    if (!list)
        return std::move(list).error();
    return context.show(list->result, [&] { return vm_table(list->result, context.columns()); });
}

}  // namespace banger::cli
