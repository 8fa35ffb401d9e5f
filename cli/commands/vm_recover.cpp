// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/vm.hpp"
#include "cli/render/vm.hpp"

namespace banger::cli {

Syntax VmRecover::syntax()
{
    Syntax syntax;
    syntax.path = "vm recover";
    syntax.summary = "rebuild a lost database from what lies beside the machines' disks";
    syntax.options = {
        {"replace-database", 0, "", "move a database that cannot be read aside, and begin a new one", {}, false}};
    syntax.examples = {{"banger vm recover", "add machines whose row is missing"},
                       {"banger vm recover --replace-database", "after the database was damaged"}};
    return syntax;
}

sdk::Result<VmRecover> VmRecover::parse(const Arguments& arguments)
{
    return VmRecover{arguments.has("replace-database")};
}

sdk::Result<Exit> run(const VmRecover& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("replace_database", verb.replace_database);
    auto result = (*session)->call("vm.recover", params);
    if (!result)
        return std::move(result).error();
    return context.show(result->result, [&] { return recovery_page(result->result, context.columns()); });
}

}  // namespace banger::cli
