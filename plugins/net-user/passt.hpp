// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/host.hpp"
#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::user {

/// Starts passt (passt(1)) and returns the socket that carries a guest's frames to it. It runs in a session of its own,
/// drops to nobody when we are root, and ends when the last copy of that socket is closed. `name` becomes one of its
/// arguments.
///
/// `not_found` if there is none, `unavailable` with its own words if it does not start.
[[nodiscard]] sdk::Result<sdk::os::UniqueFd> start_passt(const std::string& program, const std::string& name,
                                                         sdk::Call& call);

/// Whether it answers: asks for the gateway's hardware address (ARP, RFC 826), as a guest does first.
[[nodiscard]] sdk::Result<void> ask_for_gateway(const sdk::os::UniqueFd& passt, sdk::Call& call);

}  // namespace banger::user
