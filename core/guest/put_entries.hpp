// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "banger/sdk/provisioner.hpp"
#include "core/guest/agent_client.hpp"

namespace banger::guest {

/// Puts entries into the guest, in their order, through one stream (/v0/put): what sdk::GuestAccess::put promises.
/// Blocks, and holds no more of a file in memory than a piece; not on the thread that runs the loop.
/// Errors: those of AgentClient, of reading a source, and the guest's own.
sdk::Result<void> put_entries(AgentClient& client, const std::vector<sdk::GuestEntry>& entries,
                              const Patience& patience);

}  // namespace banger::guest
