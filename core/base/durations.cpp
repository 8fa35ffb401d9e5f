// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/durations.hpp"

#include <array>
#include <charconv>
#include <cstdint>

namespace banger::base {
namespace {

using std::chrono::milliseconds;

struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
};

constexpr std::int64_t second = 1000;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t day = 24 * hour;
constexpr std::int64_t longest = 3650 * day;

constexpr std::array<Unit, 7> units{
    {{"", second}, {"ms", 1}, {"s", second}, {"m", minute}, {"min", minute}, {"h", hour}, {"d", day}}};

std::string two_parts(std::int64_t value, const Unit& large, const Unit& small)
{
    std::string text = std::to_string(value / large.milliseconds) + " " + std::string(large.name);
    if (const auto rest = value % large.milliseconds / small.milliseconds; rest > 0)
        text += " " + std::to_string(rest) + " " + std::string(small.name);
    return text;
}

}  // namespace

std::string format_duration(milliseconds duration)
{
    const std::int64_t value = duration.count();
    if (value <= 0)
        return "0 s";
    if (value < 10 * second)
        return std::to_string(value / second) + (value / 100 % 10 > 0 ? "." + std::to_string(value / 100 % 10) : "") +
               " s";
    if (value < minute)
        return std::to_string(value / second) + " s";
    if (value < hour)
        return two_parts(value, {"min", minute}, {"s", second});
    if (value < day)
        return two_parts(value, {"h", hour}, {"min", minute});
    return two_parts(value, {"d", day}, {"h", hour});
}

sdk::Result<milliseconds> parse_duration(std::string_view what, std::string_view text)
{
    const auto bad = [&](const std::string& why) {
        return sdk::make_error(sdk::Code::invalid, std::string(what) + " cannot be '" + std::string(text) + "': " + why,
                               "write a time such as 500ms, 30s, 5m or 1h; a number alone is seconds");
    };
    if (text.empty())
        return bad("a time is needed");
    if (text.front() == '-')
        return bad("a time is not negative");
    std::int64_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem == std::errc::result_out_of_range)
        return bad("that is too long");
    if (problem != std::errc())
        return bad("that is no time");
    auto name = text.substr(static_cast<std::size_t>(end - text.data()));
    while (!name.empty() && name.front() == ' ')
        name.remove_prefix(1);
    for (const auto& unit : units) {
        if (unit.name != name)
            continue;
        if (number > longest / unit.milliseconds)
            return bad("that is too long");
        return milliseconds(number * unit.milliseconds);
    }
    return bad("there is no unit '" + std::string(name) + "'");
}

}  // namespace banger::base
