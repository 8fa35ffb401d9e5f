// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <string>

namespace banger::agent {

/// Whether it is an IPv4 or IPv6 address as inet_pton(3) reads them; behind one of a link, the number of its interface (RFC 4007, 11).
inline bool is_address(const std::string& text)
{
    in6_addr parsed{};
    const auto percent = std::min(text.find('%'), text.size());
    const bool zone = percent == text.size() ||
                      (percent + 1 < text.size() && text.find_first_not_of("0123456789", percent + 1) == std::string::npos);
    return ::inet_pton(AF_INET, text.c_str(), &parsed) == 1 ||
           (zone && ::inet_pton(AF_INET6, text.substr(0, percent).c_str(), &parsed) == 1);
}

/// Whether an address of its text form is one that only its own host reaches (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3).
inline bool is_loopback(const std::string& address)
{
    return address.starts_with("127.") || address == "::1";
}

}  // namespace banger::agent
