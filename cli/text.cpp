// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/text.hpp"

#include <algorithm>

namespace banger::cli {
namespace {

bool starts_code_point(char c)
{
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

// Of the code point that `text` begins with; 0 if that is no UTF-8 (RFC 3629, section 4).
std::size_t encoded_length(std::string_view text)
{
    const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (text.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; ++i)
        if (starts_code_point(text[i]))
            return 0;
    const bool too_long = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
    const bool surrogate = lead == 0xED && byte(1) > 0x9F;
    const bool beyond_unicode = lead == 0xF4 && byte(1) > 0x8F;
    return too_long || surrogate || beyond_unicode ? 0 : length;
}

// C0, DEL and C1, of which terminals take some as they take ESC with a letter (ECMA-48, section 5.3).
bool is_control(std::string_view text)
{
    const auto lead = static_cast<unsigned char>(text[0]);
    return lead < 0x20 || lead == 0x7F || (lead == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0);
}

// Where the code point number `count` begins, or the end.
std::size_t offset_of(std::string_view text, std::size_t count)
{
    for (std::size_t i = 0; i < text.size(); ++i)
        if (starts_code_point(text[i]) && count-- == 0)
            return i;
    return text.size();
}

}  // namespace

std::string printable(std::string_view text)
{
    std::string safe;
    safe.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = encoded_length(text);
        const bool shown = length != 0 && !is_control(text);
        safe.append(shown ? text.substr(0, length) : "?");
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return safe;
}

std::string quoted(std::string_view text)
{
    constexpr std::size_t most = 80;
    return "'" + printable(text.substr(0, offset_of(text, most))) + (width_of(text) > most ? "…'" : "'");
}

std::string listed(const std::vector<std::string>& words, std::string_view conjunction)
{
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0 && i + 1 == words.size())
            text.append(" ").append(conjunction).append(" ");
        else if (i > 0)
            text += ", ";
        text += words[i];
    }
    return text;
}

std::size_t width_of(std::string_view text)
{
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_code_point));
}

std::string clipped(std::string_view text, std::size_t columns)
{
    if (width_of(text) <= columns)
        return std::string(text);
    if (columns == 0)
        return {};
    return std::string(text.substr(0, offset_of(text, columns - 1))) + "…";
}

std::vector<std::string> wrapped(std::string_view text, std::size_t columns)
{
    std::vector<std::string> lines;
    while (true) {
        const auto end = std::min(text.find('\n'), text.size());
        std::string_view rest = text.substr(0, end);
        const auto indent = std::min(rest.find_first_not_of(' '), rest.size());
        std::string line(rest.substr(0, indent));
        rest.remove_prefix(indent);
        bool fresh = true;
        while (!rest.empty()) {
            const auto stop = std::min(rest.find(' '), rest.size());
            const std::string_view word = rest.substr(0, stop);
            if (!fresh && width_of(line) + 1 + width_of(word) > columns) {
                lines.push_back(line);
                line.assign(indent, ' ');
                fresh = true;
            }
            line.append(fresh ? "" : " ").append(word);
            fresh = false;
            rest.remove_prefix(std::min(rest.find_first_not_of(' ', stop), rest.size()));
        }
        lines.push_back(line);
        if (end == text.size())
            return lines;
        text.remove_prefix(end + 1);
    }
}

std::string shell_quoted(std::string_view text)
{
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@,+";
    if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos)
        return std::string(text);
    std::string word = "'";
    for (const char c : text) {
        if (c == '\'')
            word += "'\\''";
        else
            word += c;
    }
    return word + "'";
}

std::string percent_escaped(std::string_view text)
{
    std::string escaped;
    for (const char letter : text)
        escaped += letter == '%' ? std::string("%%") : std::string(1, letter);
    return escaped;
}

}  // namespace banger::cli
