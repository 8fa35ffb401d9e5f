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

std::string spec_line(const json::Value& spec)
{
    const auto vcpus = json::uint_or(spec, "vcpus");
    const auto memory = json::uint_or(spec, "memory_mib") * 1024 * 1024;
    return "spec: " + std::to_string(vcpus) + (vcpus == 1 ? " CPU, " : " CPUs, ") + base::format_size(memory) +
           " memory, " + base::format_size(json::uint_or(spec, "disk_bytes")) + " disk (" +
           printable(json::string_or(spec, "image")) + " as '" + printable(json::string_or(spec, "name")) + "')";
}

void Progress::take(const std::string& method, const json::Value& params)
{
    if (method == "spec")
        say(spec_line(params));
    else if (method == "warning")
        say("warning: " + printable(json::string_or(params, "message")));
    else if (method == "progress")
        update(params);
}

void Progress::update(const json::Value& params)
{
    const auto now = Clock::now();
    const std::string stage = printable(json::string_or(params, "stage"));
    const bool fresh = stage != stage_;
    if (fresh) {
        stage_ = stage;
        stage_began_ = now;
    }
    done_ = json::uint_or(params, "done");
    total_ = json::uint_or(params, "total");
    unit_ = json::string_or(params, "unit");
    if (live_ && (fresh || now - last_drawn_ >= least_between_draws))
        draw(now);
    else if (!live_ && fresh && !stage_.empty())
        (void)sdk::os::write_all(descriptor_, stage_ + "\n");
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
    std::string text = stage_;
    if (total_ > 0)
        text += " " + std::to_string(percent(done_, total_)) + "% of " + amount(total_, unit_);
    else if (done_ > 0)
        text += " " + amount(done_, unit_);
    if (now - stage_began_ >= patience)
        text += ", " + base::format_duration(std::chrono::floor<std::chrono::seconds>(now - stage_began_));
    return text;
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
