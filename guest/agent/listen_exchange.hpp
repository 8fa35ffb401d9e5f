// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>

#include "banger/sdk/os/socket.hpp"
#include "guest/agent/accepted_connections.hpp"
#include "guest/agent/event_loop.hpp"
#include "guest/agent/exchange.hpp"

namespace banger::agent {

/// POST /v0/listen: listens in the guest for as long as the stream is open. `started` says where, then each connection is
/// announced by its number, with which the host asks for it (/v0/connect). While many wait for that, no more are taken:
/// the next ones wait in the kernel.
class ListenExchange final : public FramedExchange {
public:
    ListenExchange(Stream& stream, EventLoop& loop, AcceptedConnections& accepted)
        : FramedExchange(stream), loop_(loop), accepted_(accepted)
    {
    }
    ~ListenExchange() override;

private:
    void on_frame(FrameType type, std::string_view payload) override;
    void on_end(bool clean) override;
    Pulled pull(std::span<char>) override { return {}; }

    void start(std::string_view spec);
    void accept_all();
    void announce(sdk::os::UniqueFd connection);

    EventLoop& loop_;
    AcceptedConnections& accepted_;
    bool begun_ = false;
    std::optional<sdk::os::UnixListener> listener_;  ///< without a file: of a port
    EventLoop::Registration watch_;
    EventLoop::Registration again_;
    std::set<std::int64_t> waiting_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace banger::agent
