// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "core/daemon/service.hpp"
#include "core/forward/published_ports.hpp"
#include "core/forward/wanted_ports.hpp"

namespace banger::daemon {

/// Keeps the ports of VMs that run on this host: finds the agent of each, and again when that is lost, as after a save or
/// when a guest restarts, for as long as the ports are wanted.
/// Threads: any. Lifetime: outlives the service's workers' jobs, which the service ends before the loop stops.
class PortPublisher {
public:
    /// `service` has places for connections. An agent that does not answer in time is tried again later.
    PortPublisher(boost::asio::io_context& loop, Service& service,
                  std::chrono::milliseconds patience_for_agent = std::chrono::seconds(5),
                  forward::WantedPorts::Pauses pauses = {});

    void publish(const std::string& vm, const std::string& address);
    void withdraw(const std::string& vm);
    /// The agent of a VM answers somebody, or may again: who waits to try once more does it now.
    void hasten(const std::string& vm);
    [[nodiscard]] forward::GuestPorts::Ports ports_of(const std::string& vm) const { return ports_.ports_of(vm); }

private:
    using Turn = forward::WantedPorts::Turn;

    void try_now(const std::string& vm, Turn turn);
    void try_later(const std::string& vm, const std::optional<forward::WantedPorts::Later>& later);
    sdk::Result<std::shared_ptr<guest::AgentClient>> find_agent(const std::string& vm, lifecycle::Operation& operation);

    boost::asio::io_context& loop_;
    Service& service_;
    std::chrono::milliseconds patience_for_agent_;
    forward::WantedPorts wanted_;
    forward::PublishedPorts ports_;
};

}  // namespace banger::daemon
