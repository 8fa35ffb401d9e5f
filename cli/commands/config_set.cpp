// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "cli/commands/host.hpp"
#include "cli/config_file.hpp"
#include "cli/text.hpp"
#include "core/config/host_facts.hpp"
#include "core/config/paths.hpp"
#include "core/config/setting.hpp"

namespace banger::cli {
namespace {

// How far a text is from being right. A value of the wrong type is the worst: another way to write it says more.
std::pair<std::size_t, bool> faults_of(const std::vector<config::Problem>& problems)
{
    const bool mistyped = std::any_of(problems.begin(), problems.end(), [](const auto& one) { return one.wrong_type; });
    return {problems.size(), mistyped};
}

// The text with the setting changed, in the way that has no faults; else what the best way has.
sdk::Result<std::string> edited(const ConfigSet& verb, Context& context, const std::string& text,
                                const std::string& file)
{
    auto ways = config::ways_to_set(text, file, verb.key, verb.value);
    if (!ways)
        return std::move(ways).error();
    std::optional<std::vector<config::Problem>> least;
    for (const auto& way : *ways) {
        auto problems = find_problems(context, way, file);
        if (!problems)
            return std::move(problems).error();
        if (problems->empty())
            return way;
        if (!least || faults_of(*problems) < faults_of(*least))
            least = std::move(*problems);
    }
    return std::move(least->front().error).while_doing("set '" + verb.key + "', which would make " + file + " wrong");
}

}  // namespace

Syntax ConfigSet::syntax()
{
    Syntax syntax;
    syntax.path = "config set";
    syntax.summary = "change one setting in the file, and nothing else in it";
    syntax.description =
        "The rest of the file stays as it is, comments too; it is made if there is none. What would make it wrong is "
        "refused. A daemon that has nothing to do is started again with the new settings; machines run on.";
    syntax.operands = {{"KEY"}, {"VALUE"}};
    syntax.examples = {{"banger config set vm_defaults.memory 4G", "for machines made from now on"},
                       {"banger config set daemon.auto_stop_stale_after 8h", "stop what nobody uses; 0: never"},
                       {"banger config set plugin.vmm-qemu.accelerator tcg", "a plugin's setting"}};
    return syntax;
}

sdk::Result<ConfigSet> ConfigSet::parse(const Arguments& arguments)
{
    auto key = config::check_key(arguments.operand(0));
    if (!key)
        return std::move(key).error();
    return ConfigSet{std::move(*key), arguments.operand(1)};
}

sdk::Result<Exit> run(const ConfigSet& verb, Context& context)
{
    auto paths = config::Paths::find();
    if (!paths)
        return std::move(paths).error();
    const std::string& file = paths->config_file;
    auto before = read_config_file(file);
    if (!before)
        return std::move(before).error();
    auto after = edited(verb, context, *before, file);
    if (!after)
        return std::move(after).error();
    if (*after != *before) {
        if (auto wrote = write_config_file(file, *after); !wrote)
            return std::move(wrote).error();
        if (auto applied = apply_config(context); !applied)
            return std::move(applied).error().while_doing("start the daemon with the new settings");
    }
    auto config = config::parse(*after, file, config::read_host_facts());
    if (!config)
        return std::move(config).error();
    auto setting = config::find_setting(*config, verb.key);
    if (!setting)
        return std::move(setting).error();
    return context.show(to_json(*setting).value(), [&] {
        return setting->key + " is " + printable(setting->text) + " (" + setting->where + ")\n";
    });
}

}  // namespace banger::cli
