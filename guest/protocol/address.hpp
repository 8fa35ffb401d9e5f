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

}  // namespace banger::agent
