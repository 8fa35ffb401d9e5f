// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/guest_state.hpp"
#include "guest/protocol/preamble.hpp"

namespace banger::agent {

/// The agent's life in a virtual machine, in a process forked from PID 1 in the initramfs. Waits for a channel to the
/// host (see banger/sdk/agent_channel.hpp), then serves until the machine goes off. `vsock` is a
/// listener that was opened before the device came to life; it may be empty.
[[noreturn]] void run_vm_agent(const Token& token, GuestState guest, sdk::os::UniqueFd vsock);

}  // namespace banger::agent
