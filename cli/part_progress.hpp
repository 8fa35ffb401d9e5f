// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/model/json.hpp"

namespace banger::cli {

/// One of several things that come at the same time, such as a layer of an image (`parts` in docs/rpc.md).
struct PartProgress {
    using Clock = std::chrono::steady_clock;

    std::string name;
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    Clock::time_point began = {};   ///< to move, as far as it was seen here
    std::uint64_t done_before = 0;  ///< then

    [[nodiscard]] bool here() const { return done >= total; }
    [[nodiscard]] bool moves() const { return done > 0 && !here(); }
};

/// The parts that a notification tells of, with what is known of them from those before it.
std::vector<PartProgress> parts_of(const json::Value& params, const std::vector<PartProgress>& before,
                                   PartProgress::Clock::time_point now);

/// "a3ed95caeb02  12 MiB of 40 MiB, 3 MiB/s, 9 s left", or as much of that as fits into `columns`.
std::string part_line(const PartProgress& part, const std::string& unit, std::size_t columns,
                      PartProgress::Clock::time_point now);

/// Up to so many of the parts, in their order: those that move before those that wait, and those before what is here.
std::vector<PartProgress> most_telling(const std::vector<PartProgress>& parts, std::size_t most);

/// "12 MiB/s, 40 s left": what `moved` bytes in that time make of those that are left. Empty as long as nothing can be told.
std::string pace(std::uint64_t moved, std::uint64_t left, std::chrono::nanoseconds elapsed);

/// "12 MiB", "3 packages".
std::string amount(std::uint64_t number, const std::string& unit);

/// Of 100, rounded down. `total` is not 0.
unsigned percent(std::uint64_t done, std::uint64_t total);

}  // namespace banger::cli
