// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "guest/protocol/configure_messages.hpp"

namespace banger::agent {

[[nodiscard]] sdk::Result<void> bring_up_loopback();

/// Sets MAC (where it differs), address, default route, and brings the interface up, with the ioctls of netdevice(7).
/// Replaces an address set the same way before. Errors: invalid, those of the kernel.
[[nodiscard]] sdk::Result<void> set_up_interface(const std::string& name, const Configuration::Link& link);

/// "10.0.2.15/24" or "fd00::2/64".
struct Prefix {
    int family = 0;  ///< AF_INET or AF_INET6
    unsigned char bytes[16] = {};
    int length = 0;  ///< bits
};
[[nodiscard]] std::optional<Prefix> prefix_from(std::string_view text);

}  // namespace banger::agent
