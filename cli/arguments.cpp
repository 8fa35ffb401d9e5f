// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/arguments.hpp"

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>

#include "cli/text.hpp"
#include "core/base/nearest.hpp"

namespace banger::cli {
namespace {

namespace po = boost::program_options;

sdk::Error usage_error(std::string message, std::string hint)
{
    return sdk::make_error(sdk::Code::invalid, std::move(message), std::move(hint));
}

std::string help_hint(const Syntax& syntax)
{
    return "see `banger " + syntax.path + " --help`";
}

std::vector<Option> all_options(const Syntax& syntax)
{
    std::vector<Option> options = syntax.options;
    options.insert(options.end(), global_options().begin(), global_options().end());
    return options;
}

po::options_description describe(const std::vector<Option>& options)
{
    po::options_description description;
    for (const auto& option : options) {
        const std::string names = option.letter != 0 ? option.name + "," + option.letter : option.name;
        if (option.value.empty())
            description.add_options()(names.c_str(), "");
        else
            description.add_options()(names.c_str(), po::value<std::vector<std::string>>(), "");
    }
    return description;
}

std::string as_typed(const Option& option)
{
    return "--" + option.name;
}

std::size_t required_operands(const Syntax& syntax)
{
    return static_cast<std::size_t>(std::count_if(syntax.operands.begin(), syntax.operands.end(), [](const auto& one) {
        return one.count == Operand::Count::one || one.count == Operand::Count::at_least_one;
    }));
}

// The hint for words that look like a command somebody forgot to put `--` before.
std::string separator_hint(const Syntax& syntax, const std::string& operand, const std::string& command)
{
    return "a command comes after `--`, such as: banger " + syntax.path +
           (required_operands(syntax) == 0 ? "" : " " + printable(operand)) + " -- " + printable(command);
}

sdk::Error unknown_option(const Syntax& syntax, const std::vector<Option>& options,
                          const std::vector<std::string>& words, const std::string& given)
{
    const std::string bare = given.substr(std::min(given.find_first_not_of('-'), given.size()));
    std::vector<std::string> names;
    for (const auto& option : options)
        names.push_back(option.name);
    const auto near = base::nearest(bare.substr(0, bare.find('=')), names);
    const std::string message = "`banger " + syntax.path + "` has no option " + quoted(given);
    if (near)
        return usage_error(message, "did you mean --" + *near + "?");
    // `words` end at a `--`; an option of the command itself, and a word that can be the command before it, tell.
    const std::size_t operands = required_operands(syntax);
    if (syntax.tail != Syntax::Tail::none && words.size() > operands && !words[operands].starts_with('-'))
        return usage_error(message, separator_hint(syntax, words.front(), words[operands]));
    return usage_error(message, help_hint(syntax));
}

sdk::Error syntax_error(const Syntax& syntax, const std::vector<Option>& options,
                        const po::invalid_command_line_syntax& error)
{
    const std::string given = error.get_option_name();
    const std::string bare = given.substr(std::min(given.find_first_not_of('-'), given.size()));
    for (const auto& option : options) {
        if (option.name != bare && !(option.letter != 0 && bare == std::string(1, option.letter)))
            continue;
        if (option.value.empty())
            return usage_error(as_typed(option) + " takes no value", help_hint(syntax));
        return usage_error(as_typed(option) + " needs a value", "write " + as_typed(option) + " " + option.value);
    }
    return usage_error("`banger " + syntax.path + "` does not understand " + quoted(given), help_hint(syntax));
}

sdk::Result<po::parsed_options> tokenise(const Syntax& syntax, const std::vector<Option>& options,
                                         const std::vector<std::string>& words)
{
    const auto description = describe(options);
    // No guessing: an option that can be shortened changes its meaning when another is added.
    constexpr int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    try {
        return po::command_line_parser(words).options(description).style(style).run();
    } catch (const po::unknown_option& error) {
        return unknown_option(syntax, options, words, error.get_option_name());
    } catch (const po::invalid_command_line_syntax& error) {
        return syntax_error(syntax, options, error);
    } catch (const po::error& error) {
        return usage_error("`banger " + syntax.path + "` does not understand its arguments: " + error.what(),
                           help_hint(syntax));
    }
}

sdk::Result<void> check_option(const Syntax& syntax, const Option& option, const std::vector<std::string>& values)
{
    if (values.size() > 1 && !option.repeated && !option.value.empty())
        return usage_error(as_typed(option) + " is given more than once", help_hint(syntax));
    for (const auto& value : values) {
        if (option.choices.empty() ||
            std::find(option.choices.begin(), option.choices.end(), value) != option.choices.end())
            continue;
        const auto near = base::nearest(value, option.choices);
        return usage_error(as_typed(option) + " cannot be " + quoted(value) + ": it is " + listed(option.choices, "or"),
                           near ? "did you mean '" + *near + "'?" : help_hint(syntax));
    }
    return {};
}

sdk::Result<void> check_operands(const Syntax& syntax, const std::vector<std::string>& given, bool has_tail)
{
    using Count = Operand::Count;
    bool open = false;
    for (std::size_t i = 0; i < syntax.operands.size(); ++i) {
        const auto& [name, count] = syntax.operands[i];
        open = open || count == Count::at_least_one || count == Count::any;
        const bool needed = count == Count::one || count == Count::at_least_one;
        if (i >= given.size() && needed)
            return usage_error("`banger " + syntax.path + "` needs a " + name, help_hint(syntax));
        if (i < given.size() && given[i].empty())
            return usage_error("the " + name + " cannot be empty", help_hint(syntax));
    }
    if (open || given.size() <= syntax.operands.size())
        return {};
    const std::string& surplus = given[syntax.operands.size()];
    if (syntax.tail != Syntax::Tail::none && !has_tail)
        return usage_error("`banger " + syntax.path + "` does not know what to do with " + quoted(surplus),
                           separator_hint(syntax, given.front(), surplus));
    return usage_error("`banger " + syntax.path + "` does not know what to do with " + quoted(surplus),
                       help_hint(syntax));
}

}  // namespace

std::optional<std::string> Arguments::value(const std::string& option) const
{
    const auto found = options_.find(option);
    if (found == options_.end() || found->second.empty())
        return std::nullopt;
    return found->second.back();
}

std::vector<std::string> Arguments::values(const std::string& option) const
{
    const auto found = options_.find(option);
    return found == options_.end() ? std::vector<std::string>() : found->second;
}

const std::vector<Option>& global_options()
{
    static const std::vector<Option> options{
        {"format", 'o', "FORMAT", "how results and errors are printed: table or json", {"table", "json"}, false},
        {"help", 'h', "", "show this help", {}, false},
    };
    return options;
}

sdk::Result<Arguments> sort_arguments(const Syntax& syntax, const std::vector<std::string>& words)
{
    const auto options = all_options(syntax);
    const auto separator = std::find(words.begin(), words.end(), "--");
    auto parsed = tokenise(syntax, options, {words.begin(), separator});
    if (!parsed)
        return std::move(parsed).error();

    Arguments arguments;
    for (const auto& word : parsed->options) {
        if (word.position_key >= 0) {
            arguments.operands_.insert(arguments.operands_.end(), word.value.begin(), word.value.end());
            continue;
        }
        auto& values = arguments.options_[word.string_key];
        values.insert(values.end(), word.value.begin(), word.value.end());
    }
    if (arguments.has("help"))
        return arguments;
    for (const auto& option : options)
        if (auto checked = check_option(syntax, option, arguments.values(option.name)); !checked)
            return std::move(checked).error();
    const bool has_tail = separator != words.end();
    if (auto checked = check_operands(syntax, arguments.operands_, has_tail); !checked)
        return std::move(checked).error();
    if (has_tail)
        arguments.tail_.assign(separator + 1, words.end());
    if (syntax.tail == Syntax::Tail::none && has_tail)
        return usage_error("`banger " + syntax.path + "` takes nothing after `--`", help_hint(syntax));
    if (has_tail && (arguments.tail_.empty() || arguments.tail_.front().empty()))
        return usage_error("there is no command after `--`", help_hint(syntax));
    if (syntax.tail == Syntax::Tail::required && !has_tail)
        return usage_error("`banger " + syntax.path + "` needs a command after `--`",
                           "such as: banger " + syntax.path +
                               (syntax.operands.empty() ? "" : " " + arguments.operand(0)) + " -- uname -a");
    return arguments;
}

}  // namespace banger::cli
