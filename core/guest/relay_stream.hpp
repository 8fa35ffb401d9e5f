// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <string>

#include "core/guest/connection.hpp"
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
class RelayStream final : public ClientStream, public std::enable_shared_from_this<RelayStream> {
public:
    using OnDone = std::function<void(sdk::Result<void>)>;

    RelayStream(boost::asio::io_context& loop, std::string head, sdk::os::UniqueFd peer, OnDone on_done);

    void on_open(Port port) override;
    Produced produce(std::span<char> room) override;
    void on_data(std::string_view bytes) override;
    void on_closed(sdk::Result<void> how) override;

private:
    void await_peer_end();
    void await_peer_input();
    void await_peer_room();
    void peer_left();
    void send_to_peer(std::string_view bytes);
    void drained();
    void end();

    boost::asio::posix::stream_descriptor peer_;
    std::string head_;
    std::size_t head_sent_ = 0;
    std::string backlog_;       ///< for a peer that does not take it now
    std::size_t withheld_ = 0;  ///< received, not yet given back to the agent's window
    FrameBoundary boundary_;
    std::string refusal_;  ///< the body of an answer that is not 200
    bool awaiting_input_ = false;
    bool awaiting_room_ = false;
    bool peer_gone_ = false;
    std::optional<sdk::Result<void>> ended_;  ///< how the stream went, while the peer still gets its last bytes
    OnDone on_done_;
};

}  // namespace banger::guest
