// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::tap {

/// An IPv4 address as a number, in the host's order.
using Address = std::uint32_t;

std::string to_string(Address address);  ///< "172.16.0.2"
std::optional<Address> address_from_string(const std::string& text);

/// A range of addresses of guests. The first is the host's, on the bridge; the last is the broadcast address.
struct Subnet {
    Address network = 0;
    unsigned prefix_bits = 0;

    /// "172.16.0.0/24". `invalid` for what is none, or has room for no guest, or is no private range (RFC 1918).
    static sdk::Result<Subnet> parse(std::string_view text);

    [[nodiscard]] std::string text() const { return to_string(network) + "/" + std::to_string(prefix_bits); }
    [[nodiscard]] Address gateway() const { return network + 1; }
    [[nodiscard]] Address first_guest() const { return network + 2; }
    [[nodiscard]] std::uint32_t guests() const { return (1U << (32 - prefix_bits)) - 3; }
    [[nodiscard]] bool contains(Address address) const { return ((address ^ network) & mask()) == 0; }
    [[nodiscard]] bool overlaps(const Subnet& other) const
    {
        return contains(other.network) || other.contains(network);
    }
    bool operator==(const Subnet&) const = default;

private:
    [[nodiscard]] std::uint32_t mask() const { return prefix_bits == 0 ? 0 : ~0U << (32 - prefix_bits); }
};

/// RFC 1918, 3; in the order in which guests' subnets are looked for in them: the less used first.
inline constexpr std::array<Subnet, 3> private_ranges{{{0xac100000, 12}, {0xc0a80000, 16}, {0x0a000000, 8}}};

}  // namespace banger::tap
