// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "banger/sdk/vmm.hpp"

namespace banger::null {

/// vmm/0 "null": a real process, banger-null-vmm, that opens a VM's disks and network as a VMM does, serves api.sock,
/// and boots nothing. For walking through every fault of the engine, and for measuring it, without the cost of guests.
///
/// `config` is the plugin's section as JSON text. `invalid` if it is wrong.
sdk::Result<std::unique_ptr<sdk::Vmm>> make_vmm(sdk::Host& host, std::string_view config);

}  // namespace banger::null
