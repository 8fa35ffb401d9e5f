// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/guest/connection.hpp"
#include "core/guest/stream_peer.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::guest {

/// Joins a connection of the guest with a socket of the host; see AgentClient::join. The socket is read only when the stream
/// can send, and the stream's window stays shut while the socket takes nothing: no more than that window waits here.
class JoinStream final : public ClientStream, public StreamPeer::Holder {
public:
    using OnDone = std::function<void(sdk::Result<void>)>;

    /// `head`: the frame with the spec.
    JoinStream(boost::asio::io_context& loop, std::string head, sdk::os::UniqueFd peer, OnDone on_done);

    Produced produce(std::span<char> room) override;
    void on_data(std::string_view bytes) override;
    void on_closed(sdk::Result<void> how) override;
    /// Resets both sides.
    void abort();

private:
    void peer_has_input() override { port_.wake(); }
    void peer_took_bytes() override;
    void peer_is_gone() override;

    Produced read_peer(std::span<char> room);
    bool take_frame(agent::FrameType type, std::string_view payload);
    void close_peer();

    StreamPeer peer_;
    std::string queued_;  ///< frames for the guest
    agent::FrameReader reader_;
    std::size_t withheld_ = 0;  ///< received, not yet given back to the agent's window
    std::optional<sdk::Error> failed_;
    bool guest_ended_ = false;  ///< it sends no more
    bool input_ended_ = false;  ///< the peer sends no more
    bool closed_ = false;
    OnDone on_done_;
};

}  // namespace banger::guest
