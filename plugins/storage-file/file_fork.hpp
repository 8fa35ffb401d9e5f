// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "banger/sdk/storage_fork.hpp"

namespace banger::file {

/// storage.fork/0 "file". A qcow2 disk gets a new top and its old one becomes the layer, under a second name (link(2));
/// a raw disk is cloned (FICLONE) at the instant, for which its machine must stand still.
/// docs/decisions/0013-swapping-layers-under-a-running-vm.md has the measurements.
std::unique_ptr<sdk::StorageFork> make_storage_fork(sdk::Host& host);

}  // namespace banger::file
