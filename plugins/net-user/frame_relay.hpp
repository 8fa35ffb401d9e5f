// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "banger/sdk/network.hpp"

namespace banger::user {

/// Carries frames between a VMM and passt, each with its length before it (32 bits in network order, as QEMU's
/// `-netdev stream` and passt have it), and stops those of the guest that `judge` does not pass. Returns once either
/// end is closed, or one sends what cannot be a frame. Whoever connects to `counters`, a listening socket (-1: none), is
/// told what has passed so far.
void relay_frames(int vmm, int passt, sdk::Egress egress, int counters = -1);

}  // namespace banger::user
