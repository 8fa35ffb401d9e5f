// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "banger/sdk/vmm_snapshot.hpp"

namespace banger::qemu {

/// vmm.snapshot/0 "qemu": a save is a live migration into a file, `machine` in its directory, beside `facts`, which
/// says what a host must be like to restore it. The pause is the last round of dirty pages, whatever the memory's size.
/// docs/decisions/0012-fork-of-a-fork.md has the measurements. `config` is the plugin's section as JSON text.
sdk::Result<std::unique_ptr<sdk::VmmSnapshot>> make_snapshot(sdk::Host& host, std::string_view config);

}  // namespace banger::qemu
