// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/guest/join_stream.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>

#include "guest/protocol/json.hpp"

namespace banger::guest {
namespace {

using boost::asio::posix::stream_descriptor;

constexpr std::size_t backlog_limit = 256UL * 1024;
/// With less room a frame is not worth its header.
constexpr std::size_t least_room = 64;

}  // namespace

JoinStream::JoinStream(boost::asio::io_context& loop, std::string head, sdk::os::UniqueFd peer, OnDone on_done)
    : peer_(loop, peer.release()), queued_(std::move(head)), on_done_(std::move(on_done))
{
}

void JoinStream::await_peer_input()
{
    if (std::exchange(awaiting_input_, true))
        return;
    peer_.async_wait(stream_descriptor::wait_read, [weak = weak_from_this()](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (!self || error)
            return;
        self->awaiting_input_ = false;
        self->port_.wake();
    });
}

void JoinStream::await_peer_room()
{
    if (std::exchange(awaiting_room_, true))
        return;
    // The stream may be closed already: this keeps it until the peer has its last bytes.
    peer_.async_wait(stream_descriptor::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                         if (error)
                             return;
                         self->awaiting_room_ = false;
                         self->send_to_peer(std::exchange(self->backlog_, {}));
                     });
}

/// It was reset, or takes no more: so is the guest's connection.
void JoinStream::peer_failed()
{
    if (std::exchange(peer_gone_, true))
        return;
    backlog_.clear();
    if (closed_)
        return close_peer();
    port_.reset(sdk::make_error(sdk::Code::cancelled, "the host's side of the connection was reset"));
}

Produced JoinStream::produce(std::span<char> room)
{
    if (queued_.empty() && !input_ended_ && room.size() >= least_room)
        return read_peer(room);
    if (queued_.empty() && !input_ended_) {
        // As a window that is nearly shut leaves it.
        std::array<char, 4096> piece{};
        queued_.assign(piece.data(), read_peer(piece).bytes);
    }
    const auto count = std::min(room.size(), queued_.size());
    std::memcpy(room.data(), queued_.data(), count);
    queued_.erase(0, count);
    return {count, input_ended_ && queued_.empty()};
}

/// One frame of what the peer sends; no bytes if there is nothing now.
Produced JoinStream::read_peer(std::span<char> room)
{
    const auto space = room.subspan(agent::frame_header_size);
    while (!peer_gone_) {
        const auto count = ::recv(peer_.native_handle(), space.data(),
                                  std::min(space.size(), agent::max_frame_payload), MSG_DONTWAIT);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN) {
            await_peer_input();
            break;
        }
        if (count < 0) {
            // Not from here: the session is in the middle of sending.
            boost::asio::post(peer_.get_executor(), [self = shared_from_this()] { self->peer_failed(); });
            break;
        }
        input_ended_ = count == 0;
        const auto header = agent::frame_header(input_ended_ ? agent::FrameType::eof : agent::FrameType::data,
                                                static_cast<std::size_t>(count));
        std::memcpy(room.data(), header.data(), header.size());
        return {header.size() + static_cast<std::size_t>(count), input_ended_};
    }
    return {};
}

void JoinStream::on_data(std::string_view bytes)
{
    if (status_ != 200) {
        refusal_.append(
            bytes.substr(0, agent::max_frame_payload - std::min(refusal_.size(), agent::max_frame_payload)));
        return port_.consumed(bytes.size());
    }
    withheld_ += bytes.size();
    const auto read = reader_.feed(
        bytes, [this](agent::FrameType type, std::string_view payload) { return take_frame(type, payload); });
    if (!read)
        port_.reset(read.error());
    drained();
}

bool JoinStream::take_frame(agent::FrameType type, std::string_view payload)
{
    if (type == agent::FrameType::error)
        failed_ = agent::error_from_json(payload);
    if (type == agent::FrameType::data && !backlog_.empty())
        backlog_.append(payload);
    else if (type == agent::FrameType::data)
        send_to_peer(payload);
    if (type == agent::FrameType::eof) {
        guest_ended_ = true;
        if (backlog_.empty())
            sent_all();
    }
    return !failed_;
}

void JoinStream::drained()
{
    if (withheld_ > 0 && backlog_.size() < backlog_limit)
        port_.consumed(std::exchange(withheld_, 0));
}

/// Sends what the peer takes and keeps the rest, which must be all there is.
void JoinStream::send_to_peer(std::string_view bytes)
{
    while (!bytes.empty() && !peer_gone_) {
        const auto count = ::send(peer_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) {
            backlog_.assign(bytes);
            drained();
            return await_peer_room();
        } else if (errno != EINTR) {
            return peer_failed();
        }
    }
    drained();
    sent_all();
}

void JoinStream::sent_all()
{
    if (guest_ended_ && !peer_gone_)
        ::shutdown(peer_.native_handle(), SHUT_WR);
    if (closed_)
        close_peer();
}

void JoinStream::on_closed(sdk::Result<void> how)
{
    closed_ = true;
    if (!failed_ && how && status_ != 200)
        failed_ = agent::error_from_json(refusal_);
    else if (!failed_ && !how)
        failed_ = std::move(how.error());
    if (failed_ || backlog_.empty())
        close_peer();
}

void JoinStream::close_peer()
{
    if (failed_) {
        // Not the end of what was sent, but an end in its middle (socket(7), SO_LINGER).
        const linger reset{1, 0};
        ::setsockopt(peer_.native_handle(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    boost::system::error_code ignored;
    peer_.close(ignored);
    if (const auto done = std::exchange(on_done_, nullptr))
        done(failed_ ? sdk::Result<void>(*failed_) : sdk::Result<void>());
}

}  // namespace banger::guest
