// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "banger/sdk/os/socket.hpp"
#include "guest/agent/accepted_connections.hpp"
#include "guest/agent/descriptor_source.hpp"
#include "guest/agent/descriptor_writer.hpp"
#include "guest/agent/exchange.hpp"

namespace banger::agent {

/// POST /v0/connect: a connection to a port or Unix socket of the guest, or one that was taken there. `started` when it
/// stands; then data both ways; eof closes one half; an error frame ends it where the other side reset it. A stream that
/// ends otherwise resets it. Not more waits here for a reader than the stream's window.
class ConnectExchange final : public FramedExchange {
public:
    ConnectExchange(Stream& stream, EventLoop& loop, AcceptedConnections& accepted)
        : FramedExchange(stream, 1), loop_(loop), accepted_(accepted)
    {
    }
    ~ConnectExchange() override;

private:
    void on_frame(FrameType type, std::string_view payload) override;
    void on_end(bool clean) override;
    Pulled pull(std::span<char> room) override;
    std::size_t backlog() const override { return to_ ? to_->backlog() : early_.size(); }

    void start(std::string_view spec);
    /// After what came before has failed with this errno.
    void try_next(int error);
    void on_connected();
    void end_sending();

    EventLoop& loop_;
    AcceptedConnections& accepted_;
    std::string target_;  ///< for messages
    std::vector<sdk::os::SocketAddress> places_;  ///< still to be tried, from the end
    sdk::os::UniqueFd connecting_;
    EventLoop::Registration watch_;
    std::optional<DescriptorWriter> to_;
    std::optional<DescriptorSource> from_;
    std::string early_;  ///< sent by a client that did not wait for `started`
    bool eof_sent_ = false;
    bool ended_ = false;
};

}  // namespace banger::agent
