// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/help.hpp"

#include <algorithm>

#include "cli/text.hpp"
#include "cli/verbs.hpp"

namespace banger::cli {
namespace {

constexpr std::size_t page_columns = 80;

// "  name   text", the text wrapped in a column of its own. A name that is too long has a line of its own.
void add_entry(std::string& page, const std::string& name, const std::string& text, std::size_t column)
{
    page += "  " + name;
    if (name.size() + 4 > column)
        page += "\n" + std::string(column, ' ');
    else
        page += std::string(column - name.size() - 2, ' ');
    bool first = true;
    for (const auto& line : wrapped(text, page_columns - column)) {
        page += (first ? "" : std::string(column, ' ')) + line + "\n";
        first = false;
    }
}

std::string option_name(const Option& option)
{
    std::string name = option.letter != 0 ? std::string("-") + option.letter + ", --" : "    --";
    name += option.name;
    return option.value.empty() ? name : name + " " + option.value;
}

void add_options(std::string& page, const std::vector<Option>& options)
{
    constexpr std::size_t widest = 30;
    std::size_t column = 0;
    for (const auto& option : options)
        column = std::max(column, std::min(option_name(option).size() + 4, widest));
    for (const auto& option : options)
        add_entry(page, option_name(option), option.help, column);
}

std::string usage_line(const Syntax& syntax)
{
    std::string line = "banger " + syntax.path;
    if (!syntax.options.empty())
        line += " [OPTIONS]";
    for (const auto& [name, count] : syntax.operands) {
        const bool several = count == Operand::Count::at_least_one || count == Operand::Count::any;
        const bool needed = count == Operand::Count::one || count == Operand::Count::at_least_one;
        line += (needed ? " " + name : " [" + name + "]") + (several ? "..." : "");
    }
    if (syntax.tail == Syntax::Tail::required)
        line += " -- " + syntax.tail_name + "...";
    if (syntax.tail == Syntax::Tail::optional)
        line += " [-- " + syntax.tail_name + "...]";
    return line;
}

void add_examples(std::string& page, const std::vector<Example>& examples)
{
    page += "\nExamples:\n";
    for (const auto& example : examples) {
        for (const auto& line : wrapped(example.what, page_columns - 4))
            page += "  # " + line + "\n";
        page += "  " + example.command + "\n";
    }
}

void add_verbs(std::string& page, std::string_view group)
{
    for (const auto& verb : verbs()) {
        const auto syntax = verb.syntax();
        const bool inside = verb.path.starts_with(std::string(group) + " ");
        if (inside && !syntax.hidden)
            add_entry(page, std::string(verb.path.substr(group.size() + 1)), syntax.summary, 12);
    }
}

}  // namespace

std::string help_of_program()
{
    std::string page =
        "banger gives you a fresh virtual machine in one command.\n\nUsage: banger COMMAND\n\nCommands:\n";
    for (const auto& group : groups())
        if (group.name.find(' ') == std::string_view::npos)
            add_entry(page, std::string(group.name), std::string(group.summary), 12);
    for (const auto& verb : verbs())
        if (verb.path.find(' ') == std::string_view::npos)
            add_entry(page, std::string(verb.path), verb.syntax().summary, 12);
    page += "\nOptions:\n";
    auto options = global_options();
    options.push_back({"version", 0, "", "show the version", {}, false});
    add_options(page, options);
    add_examples(page, {{"banger vm run", "a shell in a new machine"},
                        {"banger vm run --rm -- uname -a", "one command in a machine that is then deleted"},
                        {"banger vm list", "the machines there are"}});
    page += "\n`banger COMMAND --help` says more about a command.\n";
    return page;
}

std::string help_of_group(std::string_view group)
{
    std::string page;
    std::vector<Example> examples;
    for (const auto& one : groups()) {
        if (one.name != group)
            continue;
        page = "banger " + std::string(group) + ": " + std::string(one.summary) + "\n";
        examples = one.examples;
    }
    page += "\nUsage: banger " + std::string(group) + " COMMAND\n\nCommands:\n";
    add_verbs(page, group);
    add_examples(page, examples);
    page += "\n`banger " + std::string(group) + " COMMAND --help` says more about a command.\n";
    return page;
}

std::string help_of_verb(const Syntax& syntax)
{
    std::string page;
    for (const auto& line : wrapped("banger " + syntax.path + ": " + syntax.summary, page_columns))
        page += line + "\n";
    page += "\nUsage: " + usage_line(syntax) + "\n";
    if (!syntax.description.empty()) {
        page += "\n";
        for (const auto& line : wrapped(syntax.description, page_columns))
            page += line + "\n";
    }
    page += "\nOptions:\n";
    auto options = syntax.options;
    options.insert(options.end(), global_options().begin(), global_options().end());
    add_options(page, options);
    add_examples(page, syntax.examples);
    return page;
}

}  // namespace banger::cli
