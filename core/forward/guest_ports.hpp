// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "core/forward/port_listener.hpp"
#include "core/guest/agent_client.hpp"

namespace banger::forward {

/// Where a port of a guest is on this host.
struct PublishedPort {
    std::uint16_t host_port = 0;  ///< 0: nowhere, and `problem` says why
    std::string problem;
};

/// Which of the addresses that a guest listens on, on one port, a connection is taken to: one that stands for all, then
/// loopback, then any other, IPv4 before IPv6; what stands for all is reached on loopback.
[[nodiscard]] std::string target_of(const std::set<std::string>& addresses);

/// The ports of one guest, as sockets on an address of this host, for as long as this lives and the agent is there. All on
/// the loop's thread.
class GuestPorts : public std::enable_shared_from_this<GuestPorts> {
public:
    using Ports = std::map<std::uint16_t, PublishedPort>;  ///< by the guest's port
    struct Events {
        std::function<void(const Ports&)> changed;
        std::function<void()> lost;  ///< the agent is gone
    };

    /// What one guest, which is not trusted, can have of this host.
    struct Limits {
        std::size_t ports = 1024;           ///< that are open here; the rest have a `problem`
        std::size_t addresses_a_port = 16;  ///< that are known, while all are no more than both numbers multiplied
                                            ///< or the port is open here; else one is
        std::size_t tries_a_turn = 64;      ///< to open a port, before the loop does something else
        std::chrono::milliseconds rest{50};  ///< before what changed meanwhile is looked at, all at once
    };

    GuestPorts(boost::asio::io_context& loop, std::string address, std::weak_ptr<guest::AgentClient> agent,
               std::shared_ptr<Places> places, Events events, Limits limits);
    /// Follows the agent.
    void start();
    /// What the agent says. Where that opens many ports, or much was said just before, it goes on in later turns of the loop,
    /// and `changed` follows then.
    void take(const agent::ListenersChange& change);
    /// No more events, and the agent is not asked any more.
    void close();

private:
    struct Port {
        std::set<std::string> guest_addresses;
        std::shared_ptr<PortListener> listener;
        PublishedPort published;
    };

    void lose();
    void note(const agent::Listener& listener);
    void settle();
    void settle_from(std::uint16_t number);
    void rest();
    void later(std::function<void(GuestPorts&)> then);
    void tell() const;
    /// A port that was moved to this number leaves it to the guest's own.
    void make_room_for(std::uint16_t number);
    void shut(Port& port);
    void open(std::uint16_t number, Port& port);
    void connect(std::uint16_t number, sdk::os::UniqueFd connection, const Places::Place& place);

    boost::asio::io_context& loop_;
    std::string address_;
    std::weak_ptr<guest::AgentClient> agent_;  ///< its session ends when those who keep agents let it go
    std::shared_ptr<Places> places_;
    Events events_;
    Limits limits_;
    std::function<void()> stop_following_;
    std::map<std::uint16_t, Port> ports_;
    std::size_t open_ = 0;   ///< of them
    std::size_t addresses_known_ = 0;
    boost::asio::steady_timer rest_;
    bool settling_ = false;  ///< over more than one turn, or resting from it
    bool again_ = false;     ///< something has changed meanwhile
};

}  // namespace banger::forward
