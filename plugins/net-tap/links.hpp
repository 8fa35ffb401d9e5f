// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/result.hpp"
#include "subnet.hpp"

struct nl_sock;

namespace banger::tap {

/// A network interface as the kernel tells of it.
struct Interface {
    int index = 0;
    std::string name;
    std::string alias;  ///< ifalias: whose it is; see Links::mark
    std::string kind;   ///< "bridge", "tun"; empty for others
    int master = 0;     ///< index of its bridge; 0: none
    bool up = false;    ///< set up; not whether anything is plugged in
    std::uint64_t rx_bytes = 0;
    std::uint64_t rx_packets = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t tx_packets = 0;
};

/// The interfaces, addresses and routes of this network namespace, over rtnetlink (libnl-route).
///
/// Threads: one.
class Links {
public:
    static sdk::Result<Links> open();

    sdk::Result<std::vector<Interface>> list();
    sdk::Result<std::optional<Interface>> find(const std::string& name);

    /// `exists` if there is an interface of that name. It keeps that hardware address: one that it was not given would be the
    /// lowest of its ports', and change as those come and go (br_stp_recalculate_bridge_id() of net/bridge/br_stp_if.c).
    sdk::Result<void> add_bridge(const std::string& name, const std::string& mac);
    /// Gone already is success.
    sdk::Result<void> remove(const std::string& name);
    sdk::Result<void> mark(const std::string& name, const std::string& alias);
    /// While it is down. `exists` if there is an interface of the new name.
    sdk::Result<void> rename(const std::string& name, const std::string& wanted);
    sdk::Result<void> set_up(const std::string& name);
    /// Makes an interface that is not up a port of the bridge.
    sdk::Result<void> add_port(const std::string& name, const Interface& bridge);
    /// Whether a port is isolated: then it reaches no other isolated one.
    sdk::Result<void> isolate(const std::string& port, bool isolated);
    /// There already is success.
    sdk::Result<void> add_address(const Interface& interface, const Subnet& subnet);

    /// What its first address is in; nothing if it has none.
    sdk::Result<std::optional<Subnet>> subnet_of(const Interface& interface);

    /// What this host has addresses in or routes to, without what leads over that interface. Routes to more than any private
    /// range, such as the default route, and those that lead nowhere are nobody's subnets.
    sdk::Result<std::vector<Subnet>> subnets_in_use(const std::string& except);

private:
    struct Close {
        void operator()(nl_sock* socket) const;
    };
    explicit Links(std::unique_ptr<nl_sock, Close> socket) : socket_(std::move(socket)) {}

    std::unique_ptr<nl_sock, Close> socket_;
};

}  // namespace banger::tap
