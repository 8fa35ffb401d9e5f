// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include <algorithm>
#include <optional>

#include "cli/help.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "core/base/nearest.hpp"

namespace banger::cli {
namespace {

bool is_option(const std::string& word)
{
    return word.size() > 1 && word.front() == '-';
}

// -o and its long form take the next word, unless the value is part of the same word.
bool takes_next(const std::string& word)
{
    return word == "-o" || word == "--format";
}

/// The words of a command line: options of banger itself, the command's name, and all that follows.
struct Parts {
    std::vector<std::string> leading;
    std::vector<std::string> name;
    std::vector<std::string> rest;
};

bool is_group(const std::string& word)
{
    return std::any_of(groups().begin(), groups().end(), [&](const Group& group) { return group.name == word; });
}

std::string joined(const std::vector<std::string>& words)
{
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : " ") + word;
    return text;
}

Parts split(const std::vector<std::string>& words)
{
    Parts parts;
    std::size_t at = 0;
    for (; at < words.size() && is_option(words[at]) && words[at] != "--"; ++at) {
        parts.leading.push_back(words[at]);
        if (takes_next(words[at]) && at + 1 < words.size())
            parts.leading.push_back(words[++at]);
    }
    if (at < words.size())
        parts.name.push_back(words[at++]);
    while (at < words.size() && !parts.name.empty() && is_group(joined(parts.name)) && !is_option(words[at]))
        parts.name.push_back(words[at++]);
    parts.rest.assign(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
    return parts;
}

bool holds(const std::vector<std::string>& words, std::string_view one, std::string_view other = {})
{
    const auto end = std::find(words.begin(), words.end(), "--");
    return std::any_of(words.begin(), end, [&](const std::string& word) { return word == one || word == other; });
}

const Verb* find_verb(const std::vector<std::string>& name)
{
    const std::string path = joined(name);
    for (const auto& verb : verbs())
        if (verb.path == path)
            return &verb;
    return nullptr;
}

// The words that may stand after `group`, or at the beginning.
std::vector<std::string> known_words(const std::string& group)
{
    std::vector<std::string> words;
    if (group.empty())
        for (const auto& one : groups())
            if (one.name.find(' ') == std::string_view::npos)
                words.emplace_back(one.name);
    for (const auto& verb : verbs()) {
        if (verb.syntax().hidden)
            continue;
        if (group.empty() && verb.path.find(' ') == std::string_view::npos)
            words.emplace_back(verb.path);
        else if (!group.empty() && verb.path.starts_with(group + " "))
            words.emplace_back(verb.path.substr(group.size() + 1));
    }
    return words;
}

sdk::Error unknown_command(const std::string& group, const std::string& word)
{
    const std::string prefix = group.empty() ? "banger" : "banger " + group;
    auto error = sdk::make_error(sdk::Code::invalid, "there is no command `" + prefix + " " + printable(word) + "`");
    if (const auto near = base::nearest(word, known_words(group)))
        return std::move(error).with_hint("did you mean `" + prefix + " " + *near + "`?");
    // Somebody who leaves the group out means virtual machines, most of the time.
    if (group.empty())
        if (const auto near = base::nearest(word, known_words("vm")))
            return std::move(error).with_hint("did you mean `banger vm " + *near + "`?");
    return std::move(error).with_hint("see `" + prefix + " --help`");
}

/// Of a name that is no verb: the first word that leads nowhere.
sdk::Error unknown_command(const std::vector<std::string>& name)
{
    std::string group;
    for (const auto& word : name) {
        const std::string longer = group + (group.empty() ? "" : " ") + word;
        if (!is_group(longer))
            return unknown_command(group, word);
        group = longer;
    }
    return unknown_command(group, "");
}

// What follows a command's name in `banger help NAME...`.
sdk::Error surplus_word(std::vector<std::string> name, std::size_t words)
{
    const std::string surplus = name[words];
    name.resize(words);
    return sdk::make_error(sdk::Code::invalid,
                           "`banger help " + joined(name) + "` takes no more words, such as " + quoted(surplus),
                           "see `banger " + joined(name) + " --help`");
}

sdk::Result<CommandLine> help_for(const std::vector<std::string>& name)
{
    if (name.empty())
        return CommandLine{Format::table, Help{help_of_program()}};
    if (const Verb* verb = find_verb(name))
        return CommandLine{Format::table, Help{help_of_verb(verb->syntax())}};
    for (std::size_t words = 1; words < name.size(); ++words)
        if (find_verb({name.begin(), name.begin() + static_cast<std::ptrdiff_t>(words)}) != nullptr)
            return surplus_word(name, words);
    if (is_group(joined(name)))
        return CommandLine{Format::table, Help{help_of_group(joined(name))}};
    return unknown_command(name);
}

sdk::Result<CommandLine> without_command(const Parts& parts)
{
    if (parts.leading.empty() || holds(parts.leading, "--help", "-h"))
        return help_for({});
    for (const auto& word : parts.leading)
        if (word != "--version" && !takes_next(word) && is_option(word) && !word.starts_with("-o") &&
            !word.starts_with("--format="))
            return sdk::make_error(sdk::Code::invalid, "`banger` has no option " + quoted(word), "see `banger --help`");
    return sdk::make_error(sdk::Code::invalid, "there is no command", "see `banger --help`");
}

}  // namespace

sdk::Result<CommandLine> parse_command_line(const std::vector<std::string>& words)
{
    Parts parts = split(words);
    if (holds(parts.leading, "--version") && !holds(parts.leading, "--help", "-h"))
        return CommandLine{format_asked_for(words), Version{}};
    if (parts.name.empty())
        return without_command(parts);
    if (parts.name.front() == "help") {
        std::vector<std::string> name = parts.rest;
        return help_for(name);
    }
    if (holds(parts.leading, "--help", "-h"))
        return help_for(parts.name);
    const Verb* verb = find_verb(parts.name);
    if (verb == nullptr) {
        const std::string group = joined(parts.name);
        if (!is_group(group))
            return unknown_command(parts.name);
        if (holds(parts.rest, "--help", "-h"))
            return help_for(parts.name);
        return sdk::make_error(sdk::Code::invalid,
                               "`banger " + group + "` needs a command: " + listed(known_words(group), "or"),
                               "see `banger " + group + " --help`");
    }
    std::vector<std::string> its = std::move(parts.leading);
    its.insert(its.end(), parts.rest.begin(), parts.rest.end());
    auto arguments = sort_arguments(verb->syntax(), its);
    if (!arguments)
        return std::move(arguments).error();
    if (arguments->has("help"))
        return CommandLine{Format::table, Help{help_of_verb(verb->syntax())}};
    auto command = verb->parse(*arguments);
    if (!command)
        return std::move(command).error();
    const Format format = arguments->value("format") == "json" ? Format::json : Format::table;
    return CommandLine{format, std::move(*command)};
}

Format format_asked_for(const std::vector<std::string>& words)
{
    for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
        const bool next = takes_next(words[i]) && i + 1 < words.size() && words[i + 1] == "json";
        if (next || words[i] == "-ojson" || words[i] == "--format=json")
            return Format::json;
    }
    return Format::table;
}

bool carries_guest_status(const Command& command)
{
    if (const auto* run = std::get_if<VmRun>(&command))
        return !run->detach;
    return std::holds_alternative<VmExec>(command) || std::holds_alternative<VmSsh>(command) ||
           std::holds_alternative<VmSessionAttach>(command);
}

}  // namespace banger::cli
