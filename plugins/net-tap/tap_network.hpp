// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "banger/sdk/network.hpp"
#include "config.hpp"

namespace banger::tap {

/// network/0 "tap": each VM has a tap on a bridge of this installation, taken from a pool, an address of its own that it
/// keeps, and the host as its router, with the egress policy in a firewall (host_network.hpp, rules.hpp).
///
/// The pool is filled by a thread of its own, after a tap was taken. The bridge, the pool and the tables are made with the
/// first link and removed with this object, if no VM has a tap then.
///
/// Threads: any number. Crashes: everything carries the instance's and the VM's id.
[[nodiscard]] std::unique_ptr<sdk::Network> make_network(sdk::Host& host, Config config);

}  // namespace banger::tap
