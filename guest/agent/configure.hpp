// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/agent/guest_state.hpp"

namespace banger::agent {

/// Carries out a configuration. The first time it also enters the root file system, decides on an init, and leaves its
/// path for `release_init`. Blocks for as long as mounting and growing take. Errors: those of each step; a first
/// configuration that failed half-way can only be looked at, not repeated.
[[nodiscard]] sdk::Result<GuestFacts> configure(const Configuration& configuration, GuestState& guest);

/// Tells PID 1, which waits, what to become. Does nothing when it was told before.
void release_init(GuestState& guest);

}  // namespace banger::agent
