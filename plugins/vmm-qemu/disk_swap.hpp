// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "banger/sdk/storage.hpp"
#include "monitor.hpp"

namespace banger::qemu {

/// VmmSnapshot::swap_disks. All disks change in one transaction:
/// docs/decisions/0013-swapping-layers-under-a-running-vm.md
///
/// Which file a disk has is asked of the node below its format's, by that node's name: what QEMU shows as a disk's file
/// name is something else as soon as the image's header names its layer differently from QEMU.
sdk::Result<void> swap_disks(Monitor& monitor, const std::vector<sdk::Disk>& disks);

}  // namespace banger::qemu
