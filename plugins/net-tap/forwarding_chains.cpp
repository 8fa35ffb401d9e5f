// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "forwarding_chains.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <vector>

#include "rules.hpp"

namespace banger::tap {
namespace {

using Words = std::vector<std::string>;

// Without what is in quotes, which says nothing here.
Words words_of(const std::string& line)
{
    std::string plain;
    bool quoted = false;
    for (const char letter : line) {
        quoted = quoted != (letter == '"');
        if (!quoted && letter != '"')
            plain += letter;
    }
    std::istringstream words(plain);
    Words all;
    for (std::string word; words >> word;)
        all.push_back(std::move(word));
    return all;
}

// Whether a rule says so of everything: before its verdict stands nothing but what counts and logs.
bool drops_all(const Words& rule)
{
    constexpr std::string_view with_number[] = {"packets", "bytes", "level", "group", "flags", "prefix"};
    for (std::size_t i = 0; i < rule.size(); ++i) {
        if (rule[i] == "drop" || rule[i] == "reject")
            return true;
        if (rule[i] == "counter" || rule[i] == "log")
            continue;
        if (std::find(std::begin(with_number), std::end(with_number), rule[i]) == std::end(with_number))
            return false;
        if (rule[i] != "prefix")  // whose text was in quotes
            ++i;
    }
    return false;
}

}  // namespace

std::optional<std::string> chain_that_drops(std::string_view ruleset)
{
    std::istringstream lines{std::string(ruleset)};
    std::string table;
    std::string chain;
    bool is_ours = false;
    bool forwards = false;
    for (std::string line; std::getline(lines, line);) {
        const Words words = words_of(line);
        if (words.size() >= 3 && words[0] == "table") {
            table = words[1] + " " + words[2];
            is_ours = words[2].starts_with(rules::table_of(""));
        } else if (words.size() >= 2 && words[0] == "chain") {
            chain = words[1];
            forwards = false;
        } else if (!is_ours && words.size() >= 4 && words[0] == "type" && words[2] == "hook") {
            forwards = words[1] == "filter" && words[3] == "forward";
            if (forwards && line.find("policy drop") != std::string::npos)
                return table + " " + chain;
        } else if (forwards && drops_all(words)) {
            return table + " " + chain;
        }
    }
    return std::nullopt;
}

}  // namespace banger::tap
