// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "banger/sdk/network.hpp"

namespace banger::user {

using Frame = std::span<const std::uint8_t>;

enum class Verdict {
    pass,    ///< goes on to passt
    refuse,  ///< not for this guest: it is told so
    drop,    ///< nothing that passt would understand, as it serves IPv4 only
};

/// What a guest may send. passt makes a socket of the host for every address that a guest names, also for 127.0.0.1 and
/// 0.0.0.0 (which is the host too), whatever --no-map-gw says: a guest need only put that address into a packet. So its
/// packets are judged before passt sees them.
///
/// Refused for every guest: 0.0.0.0/8 and 127.0.0.0/8. For Egress::internet also what is not the internet: private,
/// shared, link-local, benchmark, multicast and reserved ranges (the registry of RFC 6890), except DNS to the resolver
/// that the guest was given, and DHCP.
[[nodiscard]] Verdict judge(Frame frame, sdk::Egress egress);

/// The answer to a refused frame: ICMP "communication administratively prohibited" (RFC 1812, 5.2.7.1) from the
/// gateway, so that a connection fails at once instead of hanging. Empty where RFC 1122, 3.2.2 forbids an answer.
[[nodiscard]] std::vector<std::uint8_t> refusal_of(Frame frame);

}  // namespace banger::user
