// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/storage.hpp"
#include "conversation.hpp"

namespace banger::firecracker {

/// VmmSnapshot::swap_disks, for the machine of the VM with this directory. It stands still meanwhile. Its disks keep the
/// names by which it opened them, which are part of what is saved of it: docs/decisions/0014-firecracker-with-debians-kernel.md
sdk::Result<void> swap_disks(Conversation& machine, const std::string& vm_directory, const std::vector<sdk::Disk>& disks);

}  // namespace banger::firecracker
