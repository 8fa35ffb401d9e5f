// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "subnet.hpp"

namespace banger::tap {

/// The IPv4 resolvers of resolv.conf(5), those of a loopback left out: a guest does not reach them.
std::vector<Address> resolvers_in(std::string_view resolv_conf);

/// Of this host; behind systemd-resolved those that it asks.
std::vector<Address> resolvers_of_this_host();

/// What guests are told, and may ask: those; where there are none the gateway, as one may listen there.
std::vector<Address> resolvers_for_guests(Address gateway);

}  // namespace banger::tap
