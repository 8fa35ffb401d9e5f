// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace banger::cli {

/// Which of these ports of an IPv4 address answer a HEAD request with a status line of HTTP/1 (RFC 9112, 4) within the
/// time, which is for all of them together; no more than 256 are asked at a time. A server that speaks first, or nothing, is none.
std::set<std::uint16_t> ports_with_http(const std::string& address, const std::vector<std::uint16_t>& ports,
                                        std::chrono::milliseconds patience);

}  // namespace banger::cli
