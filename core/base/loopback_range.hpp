// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::base {

/// A range of loopback addresses, all of which this host answers on without being told (RFC 1122, 3.2.1.3; ip(7)).
struct LoopbackRange {
    std::uint32_t first = 0;  ///< in host order
    unsigned prefix_bits = 0;

    /// From text such as 127.86.0.0/16. `invalid` if it is not within 127.0.0.0/8, holds fewer than 2 addresses for VMs
    /// (prefixes up to 30), or its address has bits beyond the prefix.
    static sdk::Result<LoopbackRange> parse(std::string_view text);

    /// How many there are for VMs: all but the first and the last, which look like a network's own and its broadcast address.
    [[nodiscard]] std::uint32_t count() const;
    /// One of them, as text; `index` is less than count().
    [[nodiscard]] std::string address(std::uint32_t index) const;
    [[nodiscard]] std::string text() const;  ///< as parse takes it
};

}  // namespace banger::base
