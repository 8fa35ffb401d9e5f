// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/forward/forward.hpp"
#include "core/forward/port_listener.hpp"

namespace banger::forward {

/// From a listening socket of this host to a port or Unix socket of the guest, as `ssh -L`.
class ForwardToGuest final : public Forward {
public:
    /// `listener` listens already, and does not block.
    static std::shared_ptr<Forward> start(boost::asio::io_context& loop, sdk::os::UniqueFd listener,
                                          const agent::ConnectSpec& target,
                                          const std::shared_ptr<guest::AgentClient>& agent,
                                          std::shared_ptr<Places> places, Events events);

private:
    ForwardToGuest(boost::asio::io_context& loop, const agent::ConnectSpec& target,
                   const std::shared_ptr<guest::AgentClient>& agent, std::shared_ptr<Places> places, Events events)
        : Forward(loop, agent, std::move(places), std::move(events)), target_(target)
    {
    }
    void stop() override;

    agent::ConnectSpec target_;
    std::shared_ptr<PortListener> listener_;
};

}  // namespace banger::forward
