// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/network.hpp"
#include "banger/sdk/os/fd.hpp"
#include "config.hpp"
#include "firewall.hpp"
#include "leases.hpp"
#include "links.hpp"
#include "rules.hpp"
#include "tap_device.hpp"

namespace banger::tap {

/// What this installation has in the host's network: a bridge, the taps on it, and the firewall's tables. Each interface
/// says in its alias whose it is:
///
///     banger INSTANCE bridge      the bridge
///     banger INSTANCE             a tap of the pool: a port of the bridge, down; one that is no port yet is nobody's
///     banger INSTANCE VM ADDRESS EGRESS
///                                 a VM's tap, and what it lets through once it is connected
///
/// Before a bridge is marked its name says whose it is; a tap goes with whoever makes it until it is marked.
///
/// Whoever has one of these objects is alone with it (flock(2) of a file in the cache).
class HostNetwork {
public:
    /// `firewall` outlives this, and is the same each time: what it remembers spares connecting most of its work.
    static sdk::Result<HostNetwork> lock(sdk::Host& host, const Config& config, Firewall& firewall);

    /// Whether claim could: the rights, the bridge's name and the subnet. Changes nothing.
    sdk::Result<void> check();
    /// Whether the host's own firewall lets guests through, or somebody said so. `unsupported` if it does not.
    sdk::Result<void> check_firewall();

    /// The bridge, if it is there.
    sdk::Result<std::optional<Interface>> find_bridge();

    struct Claimed {
        std::string vm;
        Interface tap;
        std::optional<Address> address;
        sdk::Egress egress = sdk::Egress::internet;
    };
    /// A tap of the pool, or a new one, becomes this VM's. Nothing passes yet. The bridge with its address is made if it is not
    /// there, and made anew if other settings made it. `exists` if the bridge's name is somebody else's, `precondition` if the
    /// subnet overlaps with what this host has or routes to, or if a VM has a tap on a bridge that is not the configured one.
    sdk::Result<Claimed> claim(const std::string& vm, sdk::Egress egress);
    /// Whoever has claimed a tap is let through as his policy says: the tables are made if they are not there, the tap becomes a
    /// port, and goes up. Done already is success. `not_found` if the VM has no tap; else as claim.
    sdk::Result<void> connect(const std::string& vm);
    /// Nothing is left of the VM's tap and in the firewall. Done already is success.
    sdk::Result<void> give_back(const std::string& vm);
    /// The rules are as they should be, also those of VMs' taps. Nothing if no VM has one.
    sdk::Result<void> look_after_rules();
    /// Makes taps until as many wait as are configured. Nothing without a bridge.
    sdk::Result<void> fill_pool();
    /// Removes all, unless a VM has a tap.
    sdk::Result<void> remove_if_unused();

    sdk::Result<std::vector<Claimed>> claimed();
    sdk::Result<std::optional<Claimed>> claimed_by(const std::string& vm);

    [[nodiscard]] const Subnet& subnet() const { return *leases_.subnet(); }  ///< after claim

private:
    HostNetwork(sdk::Host& host, const Config& config, Firewall& firewall, sdk::os::UniqueFd lock, Links links, Leases leases)
        : instance_(host.instance()), user_(host.user()), config_(config), firewall_(&firewall), lock_(std::move(lock)),
          links_(std::move(links)), leases_(std::move(leases))
    {
    }
    sdk::Result<std::string> choose_name();
    sdk::Result<Subnet> choose_subnet(const std::string& bridge);
    sdk::Result<std::optional<Subnet>> subnet_of(const Interface& bridge);
    /// False if it was made with other settings and nobody uses it; `precondition` if somebody does.
    sdk::Result<bool> is_as_configured(const Interface& bridge);
    /// Of its own, also by what the taps say that are in use: they outlive the file that says whose is which.
    sdk::Result<Address> take_address(const std::string& vm);
    sdk::Result<void> close_address(const std::string& vm);
    sdk::Result<Interface> ensure_bridge();
    /// The host forwards, the tables say what, and the bridge is up.
    sdk::Result<void> start_forwarding(const Interface& bridge);
    sdk::Result<void> make_bridge(const std::string& name);
    sdk::Result<void> prepare_bridge(const std::string& name);
    sdk::Result<void> remove_unmarked_bridge();
    sdk::Result<void> restore_rules(const Interface& bridge);
    /// Of all VMs' taps, and that nobody else is admitted.
    sdk::Result<std::string> rules_of_guests();
    sdk::Result<std::vector<Interface>> interfaces();
    sdk::Result<std::vector<Interface>> marked(const std::string& alias_prefix);
    sdk::Result<std::vector<Interface>> pool(const Interface& bridge);
    sdk::Result<NewTap> new_tap();
    sdk::Result<std::string> take_tap(const Interface& bridge, const std::string& whose);
    sdk::Result<void> make_port(const std::string& tap, const Interface& bridge);
    [[nodiscard]] std::string alias() const { return "banger " + instance_; }
    [[nodiscard]] std::string own_bridge() const { return "br-" + instance_; }

    std::string instance_;
    uid_t user_;
    Config config_;
    Firewall* firewall_;
    sdk::os::UniqueFd lock_;
    Links links_;
    Leases leases_;
    std::optional<std::vector<Interface>> interfaces_;  ///< as they were when this last looked; none after a change
};

}  // namespace banger::tap
