// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/progress.hpp"

#include <algorithm>

#include "banger/sdk/os/file.hpp"
#include "cli/terminal.hpp"
#include "cli/text.hpp"
#include "core/base/durations.hpp"
#include "core/base/sizes.hpp"

namespace banger::cli {
namespace {

// A terminal gains nothing from more, and a slow one loses.
constexpr std::chrono::milliseconds least_between_draws{80};
constexpr std::chrono::seconds patience{2};
constexpr std::chrono::hours longest_told{24};

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

std::string spec_line(const json::Value& spec)
{
    const auto vcpus = json::uint_or(spec, "vcpus");
    const auto memory = json::uint_or(spec, "memory_mib") * 1024 * 1024;
    return "spec: " + std::to_string(vcpus) + (vcpus == 1 ? " CPU, " : " CPUs, ") + base::format_size(memory) +
           " memory, " + base::format_size(json::uint_or(spec, "disk_bytes")) + " disk (" +
           printable(json::string_or(spec, "image")) + " as '" + printable(json::string_or(spec, "name")) + "')";
}

void Progress::take(const std::string& method, const json::Value& params, std::size_t call)
{
    if (method == "spec")
        say(spec_line(params));
    else if (method == "warning")
        say("warning: " + printable(json::string_or(params, "message")));
    else if (method == "progress")
        update(call, params);
}

void Progress::ended(std::size_t call)
{
    stages_.erase(call);
    if (stages_.empty())
        return clear();
    if (latest_ == call)
        latest_ = stages_.begin()->first;
    if (drawn_)
        draw(Clock::now());
}

void Progress::update(std::size_t call, const json::Value& params)
{
    const auto now = Clock::now();
    Stage& stage = stages_[call];
    const std::string text = printable(json::string_or(params, "stage"));
    const bool fresh = text != stage.text;
    if (fresh) {
        stage.text = text;
        stage.began = now;
        stage.done_before = json::uint_or(params, "done");
    }
    stage.done = json::uint_or(params, "done");
    stage.total = json::uint_or(params, "total");
    stage.unit = json::string_or(params, "unit");
    latest_ = call;
    if (live_ && (fresh || now - last_drawn_ >= least_between_draws))
        draw(now);
    else if (!live_ && fresh && !text.empty())
        (void)sdk::os::write_all(descriptor_, text + "\n");
}

void Progress::tick()
{
    if (live_ && drawn_)
        draw(Clock::now());
}

void Progress::clear()
{
    if (!drawn_)
        return;
    (void)sdk::os::write_all(descriptor_, "\r\x1b[K");
    drawn_ = false;
}

void Progress::resume()
{
    if (live_ && !stages_.empty())
        draw(Clock::now());
}

void Progress::say(const std::string& line)
{
    const bool again = drawn_;
    clear();
    (void)sdk::os::write_all(descriptor_, line + "\n");
    if (again)
        draw(Clock::now());
}

std::string Progress::line(Clock::time_point now) const
{
    const auto stage = stages_.find(latest_);
    if (stage == stages_.end())
        return {};
    const auto& [text, done, total, unit, began, done_before] = stage->second;
    std::string line = text;
    if (total > 0)
        line += " " + std::to_string(percent(done, total)) + "% of " + amount(total, unit);
    else if (done > 0)
        line += " " + amount(done, unit);
    const auto how_fast = unit == "bytes" && total > done && done > done_before && now - began >= patience
                              ? pace(done - done_before, total - done, now - began)
                              : std::string();
    if (!how_fast.empty())
        line += ", " + how_fast;
    else if (now - began >= patience)
        line += ", " + base::format_duration(std::chrono::floor<std::chrono::seconds>(now - began));
    if (stages_.size() > 1)
        line += " (and " + std::to_string(stages_.size() - 1) + " more)";
    return line;
}

void Progress::draw(Clock::time_point now)
{
    // The last column stays free: some terminals wrap as soon as it is used.
    const std::size_t room = terminal_size(descriptor_).columns;
    (void)sdk::os::write_all(descriptor_, "\r" + clipped(line(now), room > 1 ? room - 1 : 1) + "\x1b[K");
    drawn_ = true;
    last_drawn_ = now;
}

}  // namespace banger::cli
