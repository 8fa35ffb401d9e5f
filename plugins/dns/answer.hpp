// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "zone.hpp"

namespace banger::dns {

enum class Transport { udp, tcp };

/// What we say in EDNS that we take over UDP, and the most that we send: what passes every path in one piece (the value of
/// DNS Flag Day 2020; RFC 6891, 6.2.5).
inline constexpr std::size_t most_udp_bytes = 1232;

/// The packet that answers a packet, as an authoritative server does that offers no recursion (RFC 1034, 4.3.2; RFC 6891
/// for EDNS). Empty if nothing is to be sent: for what is no question at all, or itself an answer.
[[nodiscard]] std::string answer(const Zone& zone, std::string_view packet, Transport transport);

}  // namespace banger::dns
