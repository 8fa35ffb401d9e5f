// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/os/socket.hpp"

namespace banger::agent {

/// Whether it is an IPv4 or IPv6 address as sdk::os::tcp_address reads them.
inline bool is_address(const std::string& text)
{
    return sdk::os::tcp_address(text, 0).has_value();
}

/// Whether an address of its text form is one that only its own host reaches (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3).
inline bool is_loopback(const std::string& address)
{
    return address.starts_with("127.") || address == "::1";
}

}  // namespace banger::agent
