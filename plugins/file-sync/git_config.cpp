// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "git_config.hpp"

#include <algorithm>

namespace banger::file_sync {
namespace {

char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
}

bool equal_but_for_case(std::string_view one, std::string_view other)
{
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

bool sets_user(std::string_view text, std::string_view key)
{
    bool in_user = false;
    bool continued = false;  // this line belongs to the value of the one before
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        const bool is_comment = !continued && (line.starts_with('#') || line.starts_with(';'));
        const bool is_value = continued;
        continued = !is_comment && line.ends_with('\\');
        if (is_comment || is_value)
            continue;
        if (line.starts_with('[')) {
            const auto close = line.find(']');
            in_user = equal_but_for_case(trimmed(line.substr(1, close == std::string_view::npos ? close : close - 1)),
                                         "user");
            line = close == std::string_view::npos ? std::string_view() : trimmed(line.substr(close + 1));
        }
        if (in_user && equal_but_for_case(trimmed(line.substr(0, line.find('='))), key))
            return true;
    }
    return false;
}

std::string quoted_value(std::string_view value)
{
    std::string quoted = "\"";
    for (const char letter : value) {
        if (letter == '"' || letter == '\\')
            quoted += '\\';
        if (letter == '\n')
            quoted += "\\n";
        else
            quoted += letter;
    }
    return quoted + "\"";
}

}  // namespace banger::file_sync
