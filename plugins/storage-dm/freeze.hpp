// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "banger/sdk/noted_fork.hpp"
#include "disk_files.hpp"

namespace banger::dm {

/// One freeze of one disk. The VMM's device keeps its name, and what is below it changes. Its steps, in order, between
/// those of the note (sdk::NotedFork):
///
///     check     the disk is flushed
///     prepare   what it writes to gets the layer's path as well, and its note that path and ".note"
///               a new, empty top over that
///               (attached only) a device for the layer, which fails; its table waits: the same origin and cow
///               (attached only) the disk's next table waits: over that device, into the new top
///     seal      (attached only) the disk is flushed and suspended; the layer's device takes what the kernel knows of the
///               cow from the disk's, by being resumed; the disk is resumed
///               the layer is flushed and made read-only
///
/// A new top is empty: without a device, whatever a crash left, the newest one is right. Below `reserve_bytes` of room no
/// freeze begins.
/// docs/decisions/0013-swapping-layers-under-a-running-vm.md has how the kernel was found to do this.
std::unique_ptr<sdk::DiskFreeze> make_freeze(sdk::Host& host, DiskFiles files, const sdk::Owner& owner,
                                             std::string layer_path, std::uint64_t reserve_bytes);

}  // namespace banger::dm
