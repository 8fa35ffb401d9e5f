// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/guest/connection.hpp"
#include "core/guest/stream_peer.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::guest {

/// Knows whether a relayed byte stream stands between two frames, without keeping any of it.
class FrameBoundary {
public:
    void pass(std::string_view bytes);
    [[nodiscard]] bool between_frames() const { return header_.empty() && left_ == 0; }

private:
    std::string header_;
    std::size_t left_ = 0;
};

/// Moves bytes between a stream and a peer's socket; see AgentClient::relay. The socket is read only when the stream
/// can send, and the stream's window stays shut while the peer does not read: nothing piles up here.
class RelayStream final : public ClientStream, public StreamPeer::Holder {
public:
    using OnDone = std::function<void(sdk::Result<void>)>;

    RelayStream(boost::asio::io_context& loop, std::string head, sdk::os::UniqueFd peer, OnDone on_done);

    void on_open(Port port) override;
    Produced produce(std::span<char> room) override;
    void on_data(std::string_view bytes) override;
    void on_closed(sdk::Result<void> how) override;

private:
    void peer_has_input() override { port_.wake(); }
    void peer_took_bytes() override;
    void peer_is_gone() override;
    void end();

    StreamPeer peer_;
    std::string head_;
    std::size_t head_sent_ = 0;
    std::size_t withheld_ = 0;  ///< received, not yet given back to the agent's window
    FrameBoundary boundary_;
    std::optional<sdk::Result<void>> ended_;  ///< how the stream went, while the peer still gets its last bytes
    OnDone on_done_;
};

}  // namespace banger::guest
