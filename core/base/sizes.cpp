// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/sizes.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <optional>

namespace banger::base {
namespace {

constexpr std::string_view prefixes = "kmgtp";
constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();

std::uint64_t power(std::uint64_t base, std::size_t exponent)
{
    std::uint64_t result = 1;
    for (; exponent > 0; --exponent)
        result *= base;
    return result;
}

std::optional<std::uint64_t> unit_bytes(std::string_view unit, PlainUnit plain)
{
    std::string lower(unit);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    if (lower.empty())
        return plain == PlainUnit::mebibytes ? power(1024, 2) : 1;
    if (lower == "b")
        return 1;
    const auto prefix = prefixes.find(lower.front());
    if (prefix == std::string_view::npos)
        return std::nullopt;
    const auto rest = std::string_view(lower).substr(1);
    if (rest.empty() || rest == "ib")
        return power(1024, prefix + 1);
    if (rest == "b")
        return power(1000, prefix + 1);
    return std::nullopt;
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// digits[.digits], as a whole number over a power of ten.
struct Number {
    unsigned __int128 numerator = 0;
    unsigned __int128 denominator = 1;
    std::size_t length = 0;
};

std::optional<Number> read_number(std::string_view text)
{
    constexpr std::size_t most_digits = 20;
    Number number;
    std::size_t digits = 0;
    bool point = false;
    for (const char c : text) {
        if (c == '.' && !point && digits > 0) {
            point = true;
        } else if (is_digit(c)) {
            if (++digits > most_digits)
                return std::nullopt;
            number.numerator = number.numerator * 10 + static_cast<unsigned>(c - '0');
            if (point)
                number.denominator *= 10;
        } else {
            break;
        }
        ++number.length;
    }
    if (digits == 0 || text[number.length - 1] == '.')
        return std::nullopt;
    return number;
}

std::string_view trimmed(std::string_view text)
{
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    return text;
}

}  // namespace

sdk::Result<std::uint64_t> parse_size(std::string_view what, std::string_view text, PlainUnit plain)
{
    const std::string hint = plain == PlainUnit::mebibytes ? "write a size such as 512M or 8G; a number alone is MiB"
                                                           : "write a size such as 512M or 8G; a number alone is bytes";
    const auto bad = [&](const std::string& why) {
        return sdk::make_error(sdk::Code::invalid, std::string(what) + " cannot be '" + std::string(text) + "': " + why,
                               hint);
    };
    const auto body = trimmed(text);
    if (body.empty())
        return bad("a size is needed");
    if (body.front() == '-')
        return bad("a size is not negative");
    const auto number = read_number(body);
    if (!number)
        return bad("that is no size");
    const auto unit = trimmed(body.substr(number->length));
    const auto scale = unit_bytes(unit, plain);
    if (!scale)
        return bad("there is no unit '" + std::string(unit) + "'");
    const auto scaled = number->numerator * *scale;
    if (scaled / number->denominator > most)
        return bad("that is too much");
    if (scaled % number->denominator != 0)
        return bad("that is not a whole number of bytes");
    return static_cast<std::uint64_t>(scaled / number->denominator);
}

std::string format_size(std::uint64_t bytes)
{
    static constexpr std::array<std::string_view, 7> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    std::uint64_t scale = 1;
    while (unit + 1 < units.size() && bytes / scale >= 1024) {
        scale *= 1024;
        ++unit;
    }
    std::string text = std::to_string(bytes / scale);
    if (const auto tenth = bytes % scale * 10 / scale; unit > 0 && tenth > 0)
        text += "." + std::to_string(tenth);
    return text + " " + std::string(units.at(unit));
}

}  // namespace banger::base
