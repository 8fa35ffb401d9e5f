// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/host.hpp"
#include "cli/config_file.hpp"
#include "cli/text.hpp"
#include "core/config/host_facts.hpp"
#include "core/config/paths.hpp"
#include "core/config/setting.hpp"

namespace banger::cli {

Syntax ConfigGet::syntax()
{
    Syntax syntax;
    syntax.path = "config get";
    syntax.summary = "the value of one setting";
    syntax.description = "From the file, else the default. `-o json` also says where it comes from.";
    syntax.operands = {{"KEY"}};
    syntax.examples = {{"banger config get vm_defaults.memory", "in MiB"},
                       {"banger config get backends.vmm -o json | jq -r .origin", "where it comes from"}};
    return syntax;
}

sdk::Result<ConfigGet> ConfigGet::parse(const Arguments& arguments)
{
    auto key = config::check_key(arguments.operand(0));
    if (!key)
        return std::move(key).error();
    return ConfigGet{std::move(*key)};
}

sdk::Result<Exit> run(const ConfigGet& verb, Context& context)
{
    auto paths = config::Paths::find();
    if (!paths)
        return std::move(paths).error();
    auto config = config::load(paths->config_file, config::read_host_facts());
    if (!config)
        return std::move(config).error();
    auto setting = config::find_setting(*config, verb.key);
    if (!setting)
        return std::move(setting).error();
    const json::Object shown = to_json(*setting);
    return context.show(shown.value(), [&] { return printable(setting->text) + "\n"; });
}

}  // namespace banger::cli
