// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>

#include <string>

namespace banger::agent {

/// Whether it is an IPv4 or IPv6 address as inet_pton(3) reads them.
inline bool is_address(const std::string& text)
{
    in6_addr parsed{};
    return ::inet_pton(AF_INET, text.c_str(), &parsed) == 1 || ::inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
}

/// Whether an address of its text form is one that only its own host reaches (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3).
inline bool is_loopback(const std::string& address)
{
    return address.starts_with("127.") || address == "::1";
}

}  // namespace banger::agent
