// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "banger/sdk/vmm.hpp"

namespace banger::firecracker {

/// vmm/0 "firecracker": Firecracker 1.8 or newer, on KVM.
///
/// In the VM's directory: api.sock (HTTP), agent.sock (hybrid vsock), console.log (what the guest said last, 4 MiB at
/// most), firecracker.log (what the last Firecracker said) and firecracker.metrics (a line of JSON for each minute), both 1
/// MiB at most, a link `<role>.disk` to each disk, and notes. `config` is the plugin's section as JSON text. `invalid` if it
/// is wrong.
sdk::Result<std::unique_ptr<sdk::Vmm>> make_vmm(sdk::Host& host, std::string_view config);

}  // namespace banger::firecracker
