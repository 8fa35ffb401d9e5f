// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/agent/guest_state.hpp"

namespace banger::agent {

/// Where the root file system is mounted before anybody's root is moved there.
inline constexpr const char* new_root = "/newroot";

/// Mounts the configured disks and makes the root disk this process's root, with fresh /proc, /sys, /dev and /run.
/// The init process follows later with switch_root: it is the same mount. Grows ext4 to the length of its disk.
/// Errors: invalid, not_found (a disk), those of mount(2). What was mounted before a failure stays mounted.
[[nodiscard]] sdk::Result<void> enter_root(const Configuration& configuration, GuestState& guest);

}  // namespace banger::agent
