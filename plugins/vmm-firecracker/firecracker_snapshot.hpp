// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "banger/sdk/vmm_snapshot.hpp"

namespace banger::firecracker {

/// vmm.snapshot/0 "firecracker": with 1.12 and newer, but for 1.16.0. A save is the guest's `memory` and its `devices` in
/// two files, written while the machine stands still: all of the memory, or, of a forkable machine, the pages written
/// since its last save, over a copy of that one's memory that was made before the pause.
/// docs/decisions/0014-firecracker-with-debians-kernel.md has the measurements. `config` is the plugin's section as JSON
/// text.
sdk::Result<std::unique_ptr<sdk::VmmSnapshot>> make_snapshot(sdk::Host& host, std::string_view config);

}  // namespace banger::firecracker
