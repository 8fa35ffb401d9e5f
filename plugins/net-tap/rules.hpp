// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/network.hpp"
#include "set_changes.hpp"
#include "subnet.hpp"

/// The firewall, as text for nft(8) or, where a start waits for it, as changes of sets. Two tables per installation have the same
/// name, since no family sees it all: `inet` what guests may reach, and masquerading; `netdev` that each speaks for itself alone, ARP
/// included.
namespace banger::tap::rules {

struct Network {
    std::string instance;
    std::string bridge;
    Subnet subnet;
    std::vector<Address> resolvers;  ///< those that guests are told
    bool guests_reach_each_other = false;
};

std::string table_of(const std::string& instance);

/// The table that all guests share, empty of guests. Said again it changes nothing of theirs.
std::string of_network(const Network& network);

/// The chains of one tap that nobody was admitted to: they let nothing in from it, and out to it no more than ARP for all.
std::string of_tap(const std::string& instance, const std::string& tap);

struct Guest {
    std::string tap;
    std::string mac;
    Address address = 0;
    sdk::Egress egress = sdk::Egress::internet;
};
/// Lets a guest out as its policy says, and only as itself; after of_tap. No more than elements of sets: a start waits for
/// it. Said again it changes nothing.
std::vector<SetChange> to_admit(const std::string& instance, const Guest& guest);
/// Nothing is left of the tap and of who was admitted to it. Said again it changes nothing.
std::string to_forget(const std::string& instance, const std::string& tap, std::optional<Address> address);
/// That address may go nowhere. Said again it changes nothing.
std::string to_close(const std::string& instance, Address address);
/// No address may go anywhere.
std::string to_close_all(const std::string& instance);
/// No table is left.
std::string to_remove(const std::string& instance);

}  // namespace banger::tap::rules
