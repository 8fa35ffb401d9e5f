// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "banger/sdk/os/fd.hpp"

namespace banger::guest {

/// The host's end of a stream to the guest: a connected stream socket that is read when the stream can send, and keeps
/// what it does not take now. All on the loop's thread.
class StreamPeer {
public:
    /// The stream. Bytes that wait for the socket keep it.
    class Holder : public std::enable_shared_from_this<Holder> {
    public:
        virtual ~Holder() = default;
        /// Reading may give something again.
        virtual void peer_has_input() = 0;
        /// The socket took all that there was for it, or some of it, or for the first time not all.
        virtual void peer_took_bytes() = 0;
        /// The socket was reset, or takes no more. Told once, never from inside read.
        virtual void peer_is_gone() = 0;
    };

    StreamPeer(boost::asio::io_context& loop, sdk::os::UniqueFd socket, Holder& holder);

    /// Bytes read; 0 is its end. Nothing: there is nothing now, and peer_has_input follows, or peer_is_gone.
    std::optional<std::size_t> read(std::span<char> room);
    void send(std::string_view bytes);
    /// Bytes that the socket has not taken.
    [[nodiscard]] std::size_t waiting() const { return backlog_.size(); }
    [[nodiscard]] bool gone() const { return gone_; }
    /// Should this process die, that is no end of what was sent, but an end in its middle. Unix sockets know only one end.
    void cut_at_our_death();
    /// Also where nobody reads: a peer that dies unseen is told of.
    void watch_for_end();
    /// As when the socket itself failed, but not at once.
    void leave_later();
    /// Sends no more: the other side reads an end (shutdown(2)).
    void end_sending();
    enum class Close { in_order, with_reset };
    void close(Close how);

private:
    void await_input();
    void await_room();
    void write(std::string_view bytes);
    void leave();
    void end_by_reset(bool on);

    boost::asio::posix::stream_descriptor socket_;
    Holder& holder_;
    std::string backlog_;
    bool awaiting_input_ = false;
    bool awaiting_room_ = false;
    bool gone_ = false;
};

}  // namespace banger::guest
