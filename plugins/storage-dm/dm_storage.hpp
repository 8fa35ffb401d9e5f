// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "banger/sdk/storage.hpp"
#include "config.hpp"

namespace banger::dm {

/// storage/0 "dm": a disk is a device-mapper snapshot of its layer, whose writes go to a sparse file in the VM's
/// directory (disk_files.hpp) by a loop device. Layers are attached once for all disks over them (layer_devices.hpp).
/// Nothing is ever copied, and a VMM sees a block device.
///
/// What a host's disk without room does: below the configured reserve no disk is made or attached. If it fills up all
/// the same, the kernel gives the snapshot up; the next attach, when there is room, takes that back, and the disk is as
/// after a power cut.
///
/// Threads: any number; it keeps no state. Crashes: see sdk::Storage; whatever was made is found by its name.
[[nodiscard]] std::unique_ptr<sdk::Storage> make_storage(sdk::Host& host, Config config);

}  // namespace banger::dm
