// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "banger/sdk/machine_shape.hpp"
#include "banger/sdk/vmm_snapshot.hpp"
#include "config.hpp"
#include "installation.hpp"
#include "messages.hpp"

namespace banger::firecracker {

/// Refuses what Firecracker cannot be asked for, before anything is made: `invalid` for a request that is wrong in
/// itself, `unsupported` for a disk format or an attachment that this provider does not know.
sdk::Result<void> check(const sdk::BootSpec& spec);

/// All that a Firecracker of this version is told from its start to running processors, for a boot that `check` accepted,
/// in order. A pure function: the unit test compares it with a golden file.
std::vector<Request> boot_requests(const sdk::BootSpec& spec, const Config& config, const Version& version);

/// The same for a machine that goes on where another was saved; it stands still behind it.
std::vector<Request> restore_requests(const sdk::RestoreSpec& spec, const Config& config, const Version& version);

/// What a machine like this on such a Firecracker has to have in common with a saved one, to go on with its state: disks in
/// their order and links count, for a guest tells them apart by that.
sdk::MachineShape shape_of(const sdk::BootSpec& spec, const Version& version);

}  // namespace banger::firecracker
