// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "core/model/json.hpp"

namespace banger::cli {

/// How far a long call is, on standard error. On a terminal one line that is overwritten and vanishes at the end;
/// elsewhere one line for each new stage.
class Progress {
public:
    using Clock = std::chrono::steady_clock;

    /// `live` for a terminal.
    Progress(int descriptor, bool live) : descriptor_(descriptor), live_(live) {}

    /// A notification of the daemon: `progress`, `warning` or `spec` (docs/rpc.md). Others are none of ours.
    void take(const std::string& method, const json::Value& params);

    /// Draws again: time has passed, or the terminal has another width.
    void tick();

    /// Removes the live line, so that something else can be written.
    void clear();

    /// One line that stays, above the live line.
    void say(const std::string& line);

    [[nodiscard]] bool live() const { return live_; }

private:
    void update(const json::Value& params);
    void draw(Clock::time_point now);
    [[nodiscard]] std::string line(Clock::time_point now) const;

    int descriptor_;
    bool live_;
    bool drawn_ = false;
    std::string stage_;
    std::uint64_t done_ = 0;
    std::uint64_t total_ = 0;
    std::string unit_;
    Clock::time_point stage_began_;
    Clock::time_point last_drawn_;
};

/// "spec: 2 CPUs, 2 GiB memory, 8 GiB disk (debian-bookworm as 'brave-otter')": what a VM will get.
std::string spec_line(const json::Value& spec);

}  // namespace banger::cli
