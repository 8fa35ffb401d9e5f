// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "banger/sdk/network.hpp"

namespace banger::user {

/// network/0 "user": needs no privileges. A guest's frames go through banger-net-filter to passt, which turns them into
/// ordinary sockets of this host; the VMM reaches the filter through net.sock in the VM's directory. IPv4 only.
///
/// Egress::none needs neither and no handle: the VMM is told to have no network, or its own closed one. The handle that
/// attach returns then names nothing, and is never found present.
///
/// Threads: any number; it keeps no state. Crashes of the daemon do not touch a link; the end of either process or of
/// the VMM ends it.
[[nodiscard]] sdk::Result<std::unique_ptr<sdk::Network>> make_network(sdk::Host& host, const char* config);

}  // namespace banger::user
