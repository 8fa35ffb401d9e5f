// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

/// A seam for fault walks: code that changes the world names the points where it could fail, and a test makes the n-th
/// of them fail, or kills the process there, for every n. Nothing is counted, and each point costs one atomic load,
/// unless a test armed it or the environment does:
///
///     BANGER_FAULT=error:N        the N-th point (from 1) that this process reaches returns an error
///     BANGER_FAULT=kill:N         the process is killed there (SIGKILL)
///     BANGER_FAULT=error:N@word   counts only the points whose name contains the word
///     BANGER_FAULT=file:PATH      the plan is what that file says, and is looked for at every point
///
/// The environment is read once. A value that cannot be understood makes every point fail and say so.
/// By a file a process that runs is armed again and again: points count from zero with each new file (written beside it and
/// renamed), and nothing counts while there is none. Whoever injects the fault removes the file first, which says that it was.
/// Threads: any.
namespace banger::base::fault {

enum class Action { error, kill };

/// What to do, and where.
struct Plan {
    Action action = Action::error;
    std::uint64_t at = 0;  ///< the n-th matching point, from 1; 0 only counts
    std::string where;     ///< only points whose name contains this; empty: all
};

/// Reads a plan as BANGER_FAULT has it.
[[nodiscard]] sdk::Result<Plan> parse(std::string_view text);

/// Replaces the environment's plan and counts from zero again.
void arm(Plan plan);
/// Back to costing nothing.
void disarm();
/// How many matching points were reached since it was armed.
[[nodiscard]] std::uint64_t reached();
/// Whether the planned fault was injected.
[[nodiscard]] bool fired();

/// For one test: armed from construction to destruction.
class Armed {
public:
    explicit Armed(Plan plan) { arm(std::move(plan)); }
    Armed(const Armed&) = delete;
    Armed& operator=(const Armed&) = delete;
    ~Armed() { disarm(); }
};

namespace detail {
enum class Mode : int { unread, off, on };
extern std::atomic<Mode> mode;
sdk::Result<void> reach_armed(std::string_view name);
}  // namespace detail

/// One point. `name` says where, such as "before storage/0 file create". The error it returns is the caller's to treat
/// like any other failure at this place.
[[nodiscard]] inline sdk::Result<void> reach(std::string_view name)
{
    if (detail::mode.load(std::memory_order_relaxed) == detail::Mode::off)
        return {};
    return detail::reach_armed(name);
}

}  // namespace banger::base::fault
