// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// The one network that every guest of this provider sees. Each is alone in its own, so all can be the same, and the
/// guest is told the addresses and needs no DHCP. QEMU's own user network has the same ones.
namespace banger::user::guest_network {

inline constexpr const char* address = "10.0.2.15";
inline constexpr const char* prefix_bits = "24";
inline constexpr const char* gateway = "10.0.2.2";
inline constexpr const char* dns = "10.0.2.3";
inline constexpr const char* gateway_mac = "52:55:0a:00:02:02";

inline constexpr std::uint32_t address_number = 0x0a00020f;
inline constexpr std::uint32_t gateway_number = 0x0a000202;
inline constexpr std::uint32_t dns_number = 0x0a000203;

}  // namespace banger::user::guest_network
