// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {

/// This host's resolver is told to ask our name server for names of a network's guests, where it can be told so for a network
/// (sdk::NetworkNames). Told already is success, and so is a host or a network of which that cannot be said.
/// Where it failed, nobody is asked for a while, and the same error is given at once.
/// `server` has the facts of the name service: address, port, zone.
[[nodiscard]] sdk::Result<void> route_names(Engine& engine, const std::string& network, const sdk::Fields& server,
                                            sdk::Call& call);

/// Takes back what this daemon said. Errors are left to the resolver, which forgets with the network.
void unroute_names(Engine& engine, sdk::Call& call);

}  // namespace banger::lifecycle
