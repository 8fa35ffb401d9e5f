// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/host.hpp"
#include "cli/render/host.hpp"

namespace banger::cli {

Syntax Audit::syntax()
{
    Syntax syntax;
    syntax.path = "audit";
    syntax.summary = "compare what this host has of banger with what the journals say";
    syntax.description = "What stops and deletions left to do behind their answers is waited for. The exit status is 0 only if both agree.";
    syntax.options = {
        {"repair", 0, "", "remove kernel objects that no journal claims; files are only listed", {}, false}};
    syntax.examples = {{"banger audit", "only look"},
                       {"banger audit --repair", "remove what nobody claims; files are only listed"}};
    return syntax;
}

sdk::Result<Audit> Audit::parse(const Arguments& arguments)
{
    return Audit{arguments.has("repair")};
}

sdk::Result<Exit> run(const Audit& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("repair", verb.repair);
    auto result = (*session)->call("audit", params);
    if (!result)
        return std::move(result).error();
    auto shown = context.show(result->result, [&] { return audit_page(result->result, context.columns()); });
    if (!shown)
        return shown;
    return Exit(json::bool_or(result->result, "clean") ? OwnExit::done : OwnExit::failed);
}

}  // namespace banger::cli
