// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/progress.hpp"

#include <algorithm>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "cli/terminal.hpp"
#include "cli/text.hpp"
#include "core/base/durations.hpp"
#include "core/base/sizes.hpp"

namespace banger::cli {
namespace {

// A terminal gains nothing from more, and a slow one loses.
constexpr std::chrono::milliseconds least_between_draws{80};
constexpr std::chrono::seconds patience_for_progress{2};

// The last column stays free: some terminals wrap as soon as it is used.
std::size_t room_of(const TerminalSize& size)
{
    return size.columns > 1 ? size.columns - 1 : 1;
}

bool came(const std::vector<PartProgress>& parts, const std::string& name)
{
    return std::any_of(parts.begin(), parts.end(),
                       [&](const PartProgress& part) { return part.name == name && part.here(); });
}

}  // namespace

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
    if (!drawn_.empty())
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
        stage.parts.clear();
    }
    const auto before = std::exchange(stage.parts, parts_of(params, stage.parts, now));
    stage.done = json::uint_or(params, "done");
    stage.total = json::uint_or(params, "total");
    stage.unit = json::string_or(params, "unit");
    latest_ = call;
    if (live_ && (fresh || now - last_drawn_ >= least_between_draws))
        draw(now);
    if (live_)
        return;
    std::string lines = fresh && !text.empty() ? text + "\n" : std::string();
    for (const auto& part : stage.parts)
        if (part.here() && !came(before, part.name))
            lines += part_line(part, stage.unit, std::string::npos, now) + "\n";
    if (!lines.empty())
        (void)sdk::os::write_all(descriptor_, lines);
}

void Progress::tick()
{
    if (live_ && !drawn_.empty())
        draw(Clock::now());
}

// A terminal that became narrower has broken the lines anew.
std::string Progress::to_first_line() const
{
    const std::size_t columns = std::max<std::size_t>(terminal_size(descriptor_).columns, 1);
    std::size_t rows = 0;
    for (const auto width : drawn_)
        rows += std::max<std::size_t>((width + columns - 1) / columns, 1);
    return rows > 1 ? "\r\x1b[" + std::to_string(rows - 1) + "A" : "\r";
}

void Progress::clear()
{
    if (drawn_.empty())
        return;
    (void)sdk::os::write_all(descriptor_, to_first_line() + (drawn_.size() > 1 ? "\x1b[J" : "\x1b[K"));
    drawn_.clear();
}

void Progress::resume()
{
    if (live_ && !stages_.empty())
        draw(Clock::now());
}

void Progress::say(const std::string& line)
{
    const bool again = !drawn_.empty();
    clear();
    (void)sdk::os::write_all(descriptor_, line + "\n");
    if (again)
        draw(Clock::now());
}

std::string Progress::line(const Stage& stage, Clock::time_point now) const
{
    std::string line = stage.text;
    if (stage.total > 0)
        line += " " + std::to_string(percent(stage.done, stage.total)) + "% of " + amount(stage.total, stage.unit);
    else if (stage.done > 0)
        line += " " + amount(stage.done, stage.unit);
    const auto elapsed = now - stage.began;
    const auto how_fast = stage.unit == "bytes" && stage.total > stage.done && stage.done > stage.done_before && elapsed >= patience_for_progress
                              ? pace(stage.done - stage.done_before, stage.total - stage.done, elapsed)
                              : std::string();
    if (!how_fast.empty())
        line += ", " + how_fast;
    else if (elapsed >= patience_for_progress)
        line += ", " + base::format_duration(std::chrono::floor<std::chrono::seconds>(elapsed));
    if (stages_.size() > 1)
        line += " (and " + std::to_string(stages_.size() - 1) + " more)";
    return line;
}

void Progress::draw(Clock::time_point now)
{
    const auto size = terminal_size(descriptor_);
    const auto room = room_of(size);
    std::vector<std::string> lines{std::string()};
    if (const auto stage = stages_.find(latest_); stage != stages_.end()) {
        lines.front() = clipped(line(stage->second, now), room);
        for (const auto& part : most_telling(stage->second.parts, std::max<std::size_t>(size.rows, 1) - 1))
            lines.push_back(part_line(part, stage->second.unit, room, now));
    }
    std::string text = to_first_line();
    const bool more_before = drawn_.size() > lines.size();
    drawn_.clear();
    for (const auto& each : lines) {
        text += (drawn_.empty() ? "" : "\r\n") + each + "\x1b[K";
        drawn_.push_back(width_of(each));
    }
    (void)sdk::os::write_all(descriptor_, text + (more_before ? "\x1b[J" : ""));
    last_drawn_ = now;
}

}  // namespace banger::cli
