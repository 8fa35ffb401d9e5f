// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/part_progress.hpp"

#include <algorithm>

#include "cli/text.hpp"
#include "core/base/durations.hpp"
#include "core/base/sizes.hpp"

namespace banger::cli {
namespace {

constexpr std::chrono::hours longest_told{24};
constexpr std::chrono::seconds patience_for_rate{1};  // before that a rate says little

// The smaller, the sooner a part is shown.
int rank(const PartProgress& part)
{
    return part.moves() ? 0 : part.here() ? 2 : 1;
}

std::string how_far(const PartProgress& part, const std::string& unit)
{
    if (part.here())
        return "done, " + amount(part.total, unit);
    if (part.done == 0)
        return "waiting, " + amount(part.total, unit);
    return amount(part.done, unit) + " of " + amount(part.total, unit);
}

}  // namespace

std::string pace(std::uint64_t moved, std::uint64_t left, std::chrono::nanoseconds elapsed)
{
    const auto seconds = std::chrono::duration<double>(elapsed).count();
    if (moved == 0 || seconds <= 0)
        return {};
    const double rate = static_cast<double>(moved) / seconds;
    // A stalled one would be told to take years.
    const double rest = std::min(static_cast<double>(left) / rate, std::chrono::duration<double>(longest_told).count());
    return base::format_size(static_cast<std::uint64_t>(rate)) + "/s, " +
           base::format_duration(std::chrono::seconds(static_cast<std::int64_t>(rest))) + " left";
}

std::string amount(std::uint64_t number, const std::string& unit)
{
    if (unit == "bytes")
        return base::format_size(number);
    return std::to_string(number) + (unit.empty() ? "" : " " + printable(unit));
}

unsigned percent(std::uint64_t done, std::uint64_t total)
{
    return static_cast<unsigned>(100.0 * static_cast<double>(std::min(done, total)) / static_cast<double>(total));
}

std::vector<PartProgress> parts_of(const json::Value& params, const std::vector<PartProgress>& before,
                                   PartProgress::Clock::time_point now)
{
    std::vector<PartProgress> parts;
    const auto* told = json::find(params, "parts");
    if (told == nullptr || !told->IsArray())
        return parts;
    for (const auto& one : told->GetArray()) {
        PartProgress part{printable(json::string_or(one, "name")), json::uint_or(one, "done"), json::uint_or(one, "total")};
        part.began = now;
        part.done_before = part.done;
        const auto known = std::find_if(before.begin(), before.end(),
                                        [&](const PartProgress& other) { return other.name == part.name; });
        if (known != before.end() && (known->done > known->done_before || part.done > known->done)) {
            part.began = known->began;
            part.done_before = known->done_before;
        }
        parts.push_back(std::move(part));
    }
    return parts;
}

std::string part_line(const PartProgress& part, const std::string& unit, std::size_t columns,
                      PartProgress::Clock::time_point now)
{
    const auto told = "  " + part.name + "  " + how_far(part, unit);
    const auto elapsed = now - part.began;
    const auto how_fast = part.moves() && unit == "bytes" && part.done > part.done_before && elapsed >= patience_for_rate
                              ? pace(part.done - part.done_before, part.total - part.done, elapsed)
                              : std::string();
    if (const auto whole = told + ", " + how_fast; !how_fast.empty() && width_of(whole) <= columns)
        return whole;
    if (width_of(told) <= columns)
        return told;
    return clipped(part.name + " " + std::to_string(part.total == 0 ? 100 : percent(part.done, part.total)) + "%", columns);
}

std::vector<PartProgress> most_telling(const std::vector<PartProgress>& parts, std::size_t most)
{
    std::vector<std::size_t> order(parts.size());
    for (std::size_t i = 0; i < order.size(); ++i)
        order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t one, std::size_t other) { return rank(parts[one]) < rank(parts[other]); });
    order.resize(std::min(order.size(), most));
    std::sort(order.begin(), order.end());
    std::vector<PartProgress> shown;
    for (const auto index : order)
        shown.push_back(parts[index]);
    return shown;
}

}  // namespace banger::cli
