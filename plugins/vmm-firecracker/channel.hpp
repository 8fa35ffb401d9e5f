// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "banger/sdk/host.hpp"
#include "banger/sdk/os/fd.hpp"

namespace banger::firecracker {

/// A stream to the agent in the guest, through Firecracker's hybrid vsock (its docs/vsock.md): "CONNECT <port>\n" on the
/// socket, which Firecracker reads once the guest's driver is there, then "OK <port>\n".
///
/// Waits for that for as long as the call allows. `unavailable` if nobody in the guest listens, or the machine ends.
sdk::Result<sdk::os::UniqueFd> dial_agent(sdk::os::UniqueFd socket, const sdk::Call& call);

}  // namespace banger::firecracker
