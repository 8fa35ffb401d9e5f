// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/host.hpp"
#include "core/config/paths.hpp"

namespace banger::cli {

Syntax ConfigPath::syntax()
{
    Syntax syntax;
    syntax.path = "config path";
    syntax.summary = "where the settings are read from, whether the file exists or not";
    syntax.examples = {{"$EDITOR $(banger config path)", "edit them"}};
    return syntax;
}

sdk::Result<ConfigPath> ConfigPath::parse(const Arguments& /*arguments*/)
{
    return ConfigPath{};
}

sdk::Result<Exit> run(const ConfigPath& /*verb*/, Context& context)
{
    auto paths = config::Paths::find();
    if (!paths)
        return std::move(paths).error();
    json::Object result;
    result.set("path", paths->config_file);
    return context.show(result.value(), [&] { return paths->config_file + "\n"; });
}

}  // namespace banger::cli
