// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/forward_to_guest.hpp"

namespace banger::forward {

std::shared_ptr<Forward> ForwardToGuest::start(boost::asio::io_context& loop, sdk::os::UniqueFd listener,
                                               const agent::ConnectSpec& target,
                                               const std::shared_ptr<guest::AgentClient>& agent,
                                               std::shared_ptr<Places> places, Events events)
{
    const std::shared_ptr<ForwardToGuest> forward(
        new ForwardToGuest(loop, target, agent, std::move(places), std::move(events)));
    const std::weak_ptr weak(forward);
    forward->listener_ =
        PortListener::start(loop, std::move(listener), forward->places_,
                            [weak](sdk::os::UniqueFd connection, const Places::Place& place) {
                                if (const auto self = weak.lock())
                                    self->join(self->target_, std::move(connection), place);
                            });
    forward->follow_agent();
    return forward;
}

void ForwardToGuest::stop()
{
    listener_->close();
}

}  // namespace banger::forward
