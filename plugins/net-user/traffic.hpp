// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "banger/sdk/handle.hpp"

namespace banger::user {

/// What passed through a filter, as its guest sees it: rx is what it received. Ethernet frames, with their headers.
struct Traffic {
    std::uint64_t rx_bytes = 0;
    std::uint64_t rx_packets = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t tx_packets = 0;
    std::uint64_t refused_packets = 0;  ///< that the guest sent and nobody got
};

/// "rx_bytes=1 rx_packets=1 ...\n", and back as the facts of a link. Anything else gives no facts.
[[nodiscard]] std::string to_text(const Traffic& traffic);
[[nodiscard]] sdk::Fields traffic_facts(std::string_view text);

/// Tells one client of a listening socket what passed, and closes. Never waits for the client.
void tell_traffic(int listener, const Traffic& traffic);

}  // namespace banger::user
