// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/part_progress.hpp"
#include "core/model/json.hpp"

namespace banger::cli {

/// How far long calls are, on standard error. On a terminal one line that is overwritten and vanishes at the end: of the
/// call that was heard of last, and one more for each of its parts, as many as there is room for. Elsewhere one line for each
/// new stage of a call, and for each part that has come.
class Progress {
public:
    using Clock = std::chrono::steady_clock;

    /// `live` for a terminal.
    Progress(int descriptor, bool live) : descriptor_(descriptor), live_(live) {}

    /// A notification of the daemon: `progress`, `warning` or `spec` (docs/rpc.md). Others are none of ours. `call` tells those
    /// apart that are under way at the same time.
    void take(const std::string& method, const json::Value& params, std::size_t call = 0);

    /// Nothing more is heard of that call.
    void ended(std::size_t call);

    /// Draws again: time has passed, or the terminal has another width.
    void tick();

    /// Removes the live lines, so that something else can be written.
    void clear();

    /// Draws the live lines again that were cleared for something else, unless every call has ended.
    void resume();

    /// One line that stays, above the live ones.
    void say(const std::string& line);

    [[nodiscard]] bool live() const { return live_; }

private:
    struct Stage {
        std::string text;
        std::uint64_t done = 0;
        std::uint64_t total = 0;
        std::string unit;
        Clock::time_point began;
        std::uint64_t done_before = 0;  ///< when it began here
        std::vector<PartProgress> parts;
    };

    void update(std::size_t call, const json::Value& params);
    void draw(Clock::time_point now);
    [[nodiscard]] std::string line(const Stage& stage, Clock::time_point now) const;
    [[nodiscard]] std::string to_first_line() const;

    int descriptor_;
    bool live_;
    std::vector<std::size_t> drawn_;       ///< how wide each of the live lines is
    std::map<std::size_t, Stage> stages_;  ///< of the calls under way
    std::size_t latest_ = 0;               ///< the call that was heard of last
    Clock::time_point last_drawn_;
};

/// "spec: 2 CPUs, 2 GiB memory, 8 GiB disk (debian-bookworm as 'brave-otter')": what a VM will get.
std::string spec_line(const json::Value& spec);

}  // namespace banger::cli
