// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/published_ports.hpp"

#include <boost/asio/post.hpp>

namespace banger::forward {

void PublishedPorts::close(State& state, const std::string& vm)
{
    if (const auto known = state.guests.find(vm); known != state.guests.end()) {
        known->second->close();
        state.guests.erase(known);
    }
    state.published.lock()->erase(vm);
}

void PublishedPorts::publish(const std::string& vm, const std::string& address,
                             std::weak_ptr<guest::AgentClient> agent)
{
    boost::asio::post(state_->loop, [weak = std::weak_ptr(state_), vm, address, agent = std::move(agent)] {
        const auto state = weak.lock();
        if (!state)
            return;
        close(*state, vm);
        GuestPorts::Events events;
        events.changed = [weak, vm](const GuestPorts::Ports& ports) {
            const auto live = weak.lock();
            if (!live)
                return;
            (*live->published.lock())[vm] = ports;
            if (live->heard)
                live->heard(vm);
        };
        events.lost = [weak, vm] {
            const auto live = weak.lock();
            if (!live)
                return;
            close(*live, vm);
            if (live->lost)
                live->lost(vm);
        };
        const auto guest = std::make_shared<GuestPorts>(state->loop, address, agent, state->places->of(vm),
                                                        std::move(events), GuestPorts::Limits());
        state->guests[vm] = guest;
        guest->start();
    });
}

void PublishedPorts::withdraw(const std::string& vm)
{
    boost::asio::post(state_->loop, [weak = std::weak_ptr(state_), vm] {
        if (const auto state = weak.lock())
            close(*state, vm);
    });
}

GuestPorts::Ports PublishedPorts::ports_of(const std::string& vm) const
{
    const auto published = state_->published.lock();
    const auto known = published->find(vm);
    return known == published->end() ? GuestPorts::Ports() : known->second;
}

}  // namespace banger::forward
