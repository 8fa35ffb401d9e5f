// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace banger::tap {

/// The chain by which the older iptables, whose tables nft does not show, drops what this host forwards unless a rule says
/// otherwise. None where it does not, or its tables were never loaded: to look loads nothing. Needs the right to change the
/// firewall; without it, none.
std::optional<std::string> older_chain_that_drops();

/// Whether the rule at that offset of a table, as the kernel gives it (IPT_SO_GET_ENTRIES of
/// linux/netfilter_ipv4/ip_tables.h), is a policy that drops.
bool is_policy_that_drops(std::span<const std::byte> entries, std::uint32_t offset);

}  // namespace banger::tap
