// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/guest_ports.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace banger::forward {
namespace {

/// Where a port goes that this host does not give us on the address: one that only root may have (ip(7),
/// ip_unprivileged_port_start), or that somebody has on all addresses.
constexpr std::uint32_t elsewhere = 10000;

bool is_loopback(const std::string& address)
{
    return address.starts_with("127.") || address == "::1";
}

int rank_of(const std::string& address)
{
    const bool v6 = address.find(':') != std::string::npos;
    const bool all = address == "0.0.0.0" || address == "::";
    return (all ? 0 : is_loopback(address) ? 2 : 4) + (v6 ? 1 : 0);
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
                       Events events)
    : loop_(loop), address_(std::move(address)), agent_(std::move(agent)), events_(std::move(events))
{
}

void GuestPorts::start()
{
    const auto agent = agent_.lock();
    if (!agent)
        return lose();
    const auto weak = weak_from_this();
    agent->follow_listeners(
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
    for (auto& [number, port] : ports_)
        if (port.listener)
            port.listener->close();
    ports_.clear();
}

void GuestPorts::take(const agent::ListenersChange& change)
{
    for (const auto& listener : change.appeared)
        // Else our own sockets would be published, where an agent serves the host that it runs on.
        if (listener.address != address_)
            ports_[listener.port].guest_addresses.insert(listener.address);
    for (const auto& listener : change.gone)
        if (const auto known = ports_.find(listener.port); known != ports_.end())
            known->second.guest_addresses.erase(listener.address);
    if (change.more)
        return;
    Ports published;
    for (auto port = ports_.begin(); port != ports_.end();) {
        auto& [number, facts] = *port;
        if (facts.guest_addresses.empty()) {
            if (facts.listener)
                facts.listener->close();
            port = ports_.erase(port);
            continue;
        }
        // Also again: what was in its way may be gone.
        if (!facts.listener)
            open(number, facts);
        published.emplace(number, facts.published);
        ++port;
    }
    if (events_.changed)
        events_.changed(published);
}

void GuestPorts::open(std::uint16_t number, Port& port)
{
    auto socket = listen_tcp(address_, number);
    port.published = {number, {}};
    const std::uint32_t other = number + elsewhere;
    if (!socket && other <= std::numeric_limits<std::uint16_t>::max()) {
        port.published = {static_cast<std::uint16_t>(other), socket.error().message};
        socket = listen_tcp(address_, port.published.host_port);
    }
    if (!socket) {
        port.published = {0, socket.error().message};
        return;
    }
    port.listener = PortListener::start(loop_, std::move(*socket),
                                        [weak = weak_from_this(), number = number](sdk::os::UniqueFd connection) {
                                            if (const auto self = weak.lock())
                                                self->connect(number, std::move(connection));
                                        });
}

void GuestPorts::connect(std::uint16_t number, sdk::os::UniqueFd connection)
{
    const auto port = ports_.find(number);
    const auto agent = agent_.lock();
    if (port == ports_.end() || !agent)
        return;
    agent::ConnectSpec spec;
    spec.tcp_port = number;
    spec.tcp_address = target_of(port->second.guest_addresses);
    agent->join(spec, std::move(connection));
}

}  // namespace banger::forward
