// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/guest_ports.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <limits>
#include <utility>

#include "banger/sdk/os/socket.hpp"
#include "guest/protocol/address.hpp"

namespace banger::forward {
namespace {

/// Where a port goes that this host does not give us on the address: one that only root may have (ip(7),
/// ip_unprivileged_port_start), or that somebody has on all addresses.
constexpr std::uint32_t elsewhere = 10000;

int rank_of(const std::string& address)
{
    const bool v6 = address.find(':') != std::string::npos;
    const bool all = address == "0.0.0.0" || address == "::";
    return (all ? 0 : agent::is_loopback(address) ? 2 : 4) + (v6 ? 1 : 0);
}

}  // namespace

std::string target_of(const std::set<std::string>& addresses)
{
    const auto best = std::min_element(addresses.begin(), addresses.end(), [](const auto& one, const auto& other) {
        return rank_of(one) < rank_of(other);
    });
    if (best == addresses.end())
        return {};
    return *best == "0.0.0.0" ? "127.0.0.1" : *best == "::" ? "::1" : *best;
}

GuestPorts::GuestPorts(boost::asio::io_context& loop, std::string address, std::weak_ptr<guest::AgentClient> agent,
                       std::shared_ptr<Places> places, Events events, Limits limits)
    : loop_(loop),
      address_(std::move(address)),
      agent_(std::move(agent)),
      places_(std::move(places)),
      events_(std::move(events)),
      limits_(limits),
      rest_(loop)
{
}

void GuestPorts::start()
{
    const auto agent = agent_.lock();
    if (!agent)
        return lose();
    const auto weak = weak_from_this();
    stop_following_ = agent->follow_listeners(
        [weak](const agent::ListenersChange& change) {
            if (const auto self = weak.lock())
                self->take(change);
        },
        [weak](const sdk::Result<void>&) {
            if (const auto self = weak.lock())
                self->lose();
        });
}

void GuestPorts::lose()
{
    const auto lost = std::move(events_.lost);
    close();
    if (lost)
        lost();
}

void GuestPorts::close()
{
    events_ = {};
    rest_.cancel();
    if (const auto stop = std::exchange(stop_following_, nullptr))
        stop();
    for (auto& [number, port] : ports_)
        shut(port);
    ports_.clear();
    addresses_known_ = 0;
}

void GuestPorts::take(const agent::ListenersChange& change)
{
    for (const auto& listener : change.appeared)
        // Else our own sockets would be published, where an agent serves the host that it runs on.
        if (listener.address != address_)
            note(listener);
    for (const auto& listener : change.gone)
        if (const auto known = ports_.find(listener.port); known != ports_.end())
            addresses_known_ -= known->second.guest_addresses.erase(listener.address);
    if (!change.more)
        settle();
}

void GuestPorts::note(const agent::Listener& listener)
{
    auto& port = ports_[listener.port];
    // A published port must not be taken for gone because one of its addresses went. Of the others, where there are very
    // many, nothing more has to be known than that they are there.
    const bool all = port.listener || addresses_known_ < limits_.ports * limits_.addresses_a_port;
    if (port.guest_addresses.size() < (all ? limits_.addresses_a_port : 1))
        addresses_known_ += port.guest_addresses.insert(listener.address).second ? 1 : 0;
}

void GuestPorts::settle()
{
    again_ = settling_;
    if (std::exchange(settling_, true))
        return;
    for (auto port = ports_.begin(); port != ports_.end();) {
        const bool gone = port->second.guest_addresses.empty();
        if (gone)
            shut(port->second);
        port = gone ? ports_.erase(port) : std::next(port);
    }
    settle_from(0);
}

void GuestPorts::settle_from(std::uint16_t number)
{
    std::size_t tries = 0;
    for (auto port = ports_.lower_bound(number); port != ports_.end(); ++port) {
        // Also again: what was in its way may be gone.
        if (port->second.listener)
            continue;
        if (++tries > limits_.tries_a_turn)
            return later([next = port->first](GuestPorts& self) { self.settle_from(next); });
        make_room_for(port->first);
        open(port->first, port->second);
    }
    tell();
    rest();
}

void GuestPorts::rest()
{
    rest_.expires_after(limits_.rest);
    rest_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (!self || error)
            return;
        self->settling_ = false;
        if (self->again_)
            self->settle();
    });
}

void GuestPorts::later(std::function<void(GuestPorts&)> then)
{
    boost::asio::post(loop_, [weak = weak_from_this(), then = std::move(then)] {
        if (const auto self = weak.lock())
            then(*self);
    });
}

void GuestPorts::tell() const
{
    if (!events_.changed)
        return;
    Ports published;
    for (const auto& [number, port] : ports_)
        if (port.published.host_port != 0 || !port.published.problem.empty())
            published.emplace(number, port.published);
    events_.changed(published);
}

void GuestPorts::make_room_for(std::uint16_t number)
{
    const auto moved = number > elsewhere ? ports_.find(number - elsewhere) : ports_.end();
    if (moved == ports_.end() || !moved->second.listener || moved->second.published.host_port != number)
        return;
    shut(moved->second);
    again_ = true;
}

void GuestPorts::shut(Port& port)
{
    port.published = {};
    if (!port.listener)
        return;
    port.listener->close();
    port.listener.reset();
    --open_;
}

void GuestPorts::open(std::uint16_t number, Port& port)
{
    if (open_ >= limits_.ports) {
        port.published = {0, "no more than " + std::to_string(limits_.ports) + " ports of a machine are published"};
        return;
    }
    auto socket = sdk::os::listen_tcp(address_, number);
    port.published = {number, {}};
    const std::uint32_t other = number + elsewhere;
    // Not where the guest has a port of its own: that one would be taken for the other.
    if (!socket && other <= std::numeric_limits<std::uint16_t>::max() &&
        !ports_.contains(static_cast<std::uint16_t>(other))) {
        port.published = {static_cast<std::uint16_t>(other), socket.error().message};
        socket = sdk::os::listen_tcp(address_, port.published.host_port);
    }
    if (!socket) {
        port.published = {0, socket.error().message};
        return;
    }
    port.listener = PortListener::start(
        loop_, std::move(*socket), places_,
        [weak = weak_from_this(), number = number](sdk::os::UniqueFd connection, const Places::Place& place) {
            if (const auto self = weak.lock())
                self->connect(number, std::move(connection), place);
        });
    ++open_;
}

void GuestPorts::connect(std::uint16_t number, sdk::os::UniqueFd connection, const Places::Place& place)
{
    const auto port = ports_.find(number);
    const auto agent = agent_.lock();
    if (port == ports_.end() || !agent)
        return;
    agent::ConnectSpec spec;
    spec.tcp_port = number;
    spec.tcp_address = target_of(port->second.guest_addresses);
    agent->join(spec, std::move(connection), [place](const sdk::Result<void>&) {});
}

}  // namespace banger::forward
