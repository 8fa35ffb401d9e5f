// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/file.hpp"
#include "cli/commands/host.hpp"
#include "cli/config_file.hpp"
#include "cli/text.hpp"
#include "core/config/paths.hpp"

namespace banger::cli {
namespace {

json::Object verdict_on(const std::string& file, const std::vector<config::Problem>& problems)
{
    json::Array all;
    for (const auto& problem : problems) {
        json::Object one;
        one.set("line", problem.line).set("message", problem.error.message).set("hint", problem.error.hint);
        all.add(one);
    }
    json::Object verdict;
    verdict.set("file", file).set("valid", problems.empty()).set("problems", all);
    return verdict;
}

std::string page_of(const std::string& file, const std::vector<config::Problem>& problems)
{
    if (problems.empty())
        return file + " is right\n";
    std::string page;
    for (const auto& problem : problems) {
        page += printable(problem.error.message) + "\n";
        if (!problem.error.hint.empty())
            page += "  hint: " + printable(problem.error.hint) + "\n";
    }
    return page;
}

}  // namespace

Syntax ConfigValidate::syntax()
{
    Syntax syntax;
    syntax.path = "config validate";
    syntax.summary = "what is wrong with a configuration file, with its lines";
    syntax.description =
        "Of the file in use, if none is named. Everything in it is looked at, what plugins have to say too. The exit "
        "status is 1 if something is wrong.";
    syntax.operands = {{"FILE", Operand::Count::optional}};
    syntax.examples = {{"banger config validate", "the one in use"},
                       {"banger config validate ./config.toml", "one that may be put in its place"}};
    return syntax;
}

sdk::Result<ConfigValidate> ConfigValidate::parse(const Arguments& arguments)
{
    return ConfigValidate{arguments.operands().empty() ? std::string() : arguments.operand(0)};
}

sdk::Result<Exit> run(const ConfigValidate& verb, Context& context)
{
    std::string file = verb.file;
    if (file.empty()) {
        auto paths = config::Paths::find();
        if (!paths)
            return std::move(paths).error();
        file = paths->config_file;
    }
    // No file is no settings, and right; one that was named has to be there.
    auto text = verb.file.empty() ? read_config_file(file) : sdk::os::read_file(file, most_config_bytes);
    if (!text)
        return std::move(text).error();
    auto problems = find_problems(context, *text, file);
    if (!problems)
        return std::move(problems).error();
    const json::Object verdict = verdict_on(file, *problems);
    auto shown = context.show(verdict.value(), [&] { return page_of(file, *problems); });
    if (shown && !problems->empty())
        return Exit(OwnExit::failed);
    return shown;
}

}  // namespace banger::cli
