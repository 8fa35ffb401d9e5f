// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/lifecycle/engine.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {

/// Which VMs have gone unused for too long, and when to look again.
struct Stale {
    std::vector<std::string> vms;                          ///< ids
    std::optional<std::chrono::milliseconds> look_again;   ///< nothing: only once somebody uses or starts one
};

/// VMs, by id, that are stale once they have gone unused for so long.
using Watched = std::map<std::string, std::chrono::milliseconds>;

/// Looks at `watched`; takes from it those that are stale, and those that are in use now, which come back when that ends.
Stale find_stale(Usage& usage, Watched& watched);

/// How an attempt to stop a stale VM went.
enum class StaleStop {
    stopped,
    in_use,   ///< it is being worked on, a stream into it is open, a session runs in it, it is paused for want of room, or
              ///< somebody has just used it
    silent,   ///< its agent does not answer, so that a session may run in it: it has until limit_of_silent
    no_need,  ///< it did not run, or is gone
};

/// How long a VM whose agent does not answer may go unused: one that hangs for good must not run for ever.
constexpr std::chrono::milliseconds limit_of_silent(std::chrono::milliseconds limit)
{
    return 2 * limit;
}

/// How long whoever works on a stale VM has for it, and its guest for what it is asked. The daemon's own work on a VM, such
/// as a pause for want of room, is short and no use of it; what takes longer is somebody's.
struct StalePatience {
    std::chrono::milliseconds work = std::chrono::seconds(10);
    std::chrono::milliseconds sessions = std::chrono::seconds(5);
    std::chrono::milliseconds power_off = default_stop_patience;
};

/// Stops a VM that nobody has used for that long, as `vm stop` does.
sdk::Result<StaleStop> stop_if_stale(Engine& engine, const std::string& id, std::chrono::milliseconds limit,
                                     Operation& operation, const StalePatience& patience = {});

}  // namespace banger::lifecycle
