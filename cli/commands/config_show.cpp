// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/host.hpp"
#include "cli/render/host.hpp"

namespace banger::cli {

Syntax ConfigShow::syntax()
{
    Syntax syntax;
    syntax.path = "config show";
    syntax.summary = "the settings in effect, and where each comes from";
    syntax.examples = {{"banger config show", "as a table"}};
    return syntax;
}

sdk::Result<ConfigShow> ConfigShow::parse(const Arguments& /*arguments*/)
{
    return ConfigShow{};
}

sdk::Result<Exit> run(const ConfigShow& /*verb*/, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto result = (*session)->call("config.show", json::Object());
    if (!result)
        return std::move(result).error();
    return context.show(result->result, [&] { return config_table(result->result, context.columns()); });
}

}  // namespace banger::cli
