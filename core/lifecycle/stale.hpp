// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {

/// Which VMs have gone unused for too long, and when to look again.
struct Stale {
    std::vector<std::string> vms;                          ///< ids
    std::optional<std::chrono::milliseconds> look_again;   ///< nothing: only once somebody uses or starts one
};

/// Looks at `watched`; takes from it those that are stale, and those that are in use now, which come back when that ends.
Stale find_stale(Usage& usage, std::set<std::string>& watched, std::chrono::milliseconds limit);

/// How an attempt to stop a stale VM went.
enum class StaleStop {
    stopped,
    in_use,   ///< it is being worked on, a stream into it is open, a session runs in it, or somebody has just used it
    no_need,  ///< it did not run, or is gone
};

/// Stops a VM that nobody has used for that long, as `vm stop` does.
sdk::Result<StaleStop> stop_if_stale(Engine& engine, const std::string& id, std::chrono::milliseconds limit,
                                     Operation& operation);

}  // namespace banger::lifecycle
