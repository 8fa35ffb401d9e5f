// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/base/synchronized.hpp"
#include "core/forward/guest_ports.hpp"

namespace banger::forward {

/// The published ports of all guests.
/// Threads: any, unless said otherwise. Sockets are the loop's.
class PublishedPorts {
public:
    PublishedPorts(boost::asio::io_context& loop, std::shared_ptr<GuestPlaces> places)
        : state_(std::make_shared<State>(loop, std::move(places)))
    {
    }

    /// From now on the guest's ports are on this address. Those of an earlier agent of the VM's go.
    void publish(const std::string& vm, const std::string& address, std::weak_ptr<guest::AgentClient> agent);
    /// Done already is success.
    void withdraw(const std::string& vm);
    [[nodiscard]] GuestPorts::Ports ports_of(const std::string& vm) const;

    /// Told on the loop's thread whenever the agent of a VM has said what listens. Set before the first is published.
    void on_heard(std::function<void(const std::string& vm)> heard) { state_->heard = std::move(heard); }
    /// Told on the loop's thread when the agent of a VM whose ports are published went away; they are gone then. Set before
    /// the first is published.
    void on_lost(std::function<void(const std::string& vm)> lost) { state_->lost = std::move(lost); }

private:
    struct State {
        State(boost::asio::io_context& the_loop, std::shared_ptr<GuestPlaces> the_places)
            : loop(the_loop), places(std::move(the_places))
        {
        }
        boost::asio::io_context& loop;
        std::shared_ptr<GuestPlaces> places;
        std::function<void(const std::string& vm)> heard;
        std::function<void(const std::string& vm)> lost;
        std::map<std::string, std::shared_ptr<GuestPorts>> guests;  ///< on the loop's thread
        base::Synchronized<std::map<std::string, GuestPorts::Ports>> published;
    };

    static void close(State& state, const std::string& vm);

    std::shared_ptr<State> state_;
};

}  // namespace banger::forward
