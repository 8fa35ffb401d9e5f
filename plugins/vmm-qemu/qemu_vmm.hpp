// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "banger/sdk/vmm.hpp"

namespace banger::qemu {

/// vmm/0 "qemu": full-system QEMU, on KVM where a guest is known to run on it and emulating elsewhere.
///
/// In the VM's directory: api.sock (QMP), agent.sock (the virtio-serial port banger.agent), console.log (appended) and
/// qemu.log (what the last QEMU said). `config` is the plugin's section as JSON text. `invalid` if it is wrong.
sdk::Result<std::unique_ptr<sdk::Vmm>> make_vmm(sdk::Host& host, std::string_view config);

}  // namespace banger::qemu
