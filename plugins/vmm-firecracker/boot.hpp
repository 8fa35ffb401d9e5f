// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "banger/sdk/vmm.hpp"
#include "messages.hpp"

namespace banger::firecracker {

/// Refuses what Firecracker cannot be asked for, before anything is made: `invalid` for a request that is wrong in
/// itself, `unsupported` for a disk format or an attachment that this provider does not know.
sdk::Result<void> check(const sdk::BootSpec& spec);

/// All that Firecracker is told from its start to running processors, for a boot that `check` accepted, in order. A
/// pure function: the unit test compares it with a golden file.
std::vector<Request> boot_requests(const sdk::BootSpec& spec);

}  // namespace banger::firecracker
