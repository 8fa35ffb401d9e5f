// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/host.hpp"
#include "cli/render/host.hpp"

namespace banger::cli {

Syntax PluginList::syntax()
{
    Syntax syntax;
    syntax.path = "plugin list";
    syntax.summary = "the providers there are, and which were picked";
    syntax.examples = {{"banger plugin list", "as a table"}};
    return syntax;
}

sdk::Result<PluginList> PluginList::parse(const Arguments& /*arguments*/)
{
    return PluginList{};
}

sdk::Result<Exit> run(const PluginList& /*verb*/, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto result = (*session)->call("plugin.list", json::Object());
    if (!result)
        return std::move(result).error();
    return context.show(result->result, [&] { return plugin_table(result->result, context.columns()); });
}

}  // namespace banger::cli
