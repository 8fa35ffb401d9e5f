// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/host.hpp"
#include "cli/render/host.hpp"

namespace banger::cli {

Syntax PluginShow::syntax()
{
    Syntax syntax;
    syntax.path = "plugin show";
    syntax.summary = "everything about one plugin";
    syntax.operands = {{"NAME"}};
    syntax.examples = {{"banger plugin show vmm-qemu", "as a page"}};
    return syntax;
}

sdk::Result<PluginShow> PluginShow::parse(const Arguments& arguments)
{
    return PluginShow{arguments.operand(0)};
}

sdk::Result<Exit> run(const PluginShow& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("name", verb.name);
    auto result = (*session)->call("plugin.show", params);
    if (!result)
        return std::move(result).error();
    return context.show(result->result, [&] { return plugin_page(result->result, context.columns()); });
}

}  // namespace banger::cli
