// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guest/agent/uevents.hpp"
#include "guest/protocol/configure_messages.hpp"

namespace banger::agent {

/// Gives the guest's interfaces their addresses, routes and name servers, in the kernel and as runtime files for
/// systemd-networkd and NetworkManager, which would undo them otherwise. An interface is found by its MAC address, else
/// by position, and then gets that MAC: a fork woke up with its template's. Errors: not_found, invalid, those of the
/// kernel.
[[nodiscard]] sdk::Result<void> apply_network(const Configuration& configuration, Uevents& uevents);

/// The text of resolv.conf(5).
[[nodiscard]] std::string resolv_conf(const std::vector<std::string>& servers, const std::vector<std::string>& search);

}  // namespace banger::agent
