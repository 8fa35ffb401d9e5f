// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/guest/relay_stream.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>

#include "guest/protocol/json.hpp"

namespace banger::guest {
namespace {

using boost::asio::posix::stream_descriptor;

constexpr std::size_t backlog_limit = 256UL * 1024;

sdk::Error peer_error()
{
    return sdk::make_error(sdk::Code::cancelled, "the caller closed its side of the stream");
}

}  // namespace

void FrameBoundary::pass(std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto skipped = std::min(left_, bytes.size());
        left_ -= skipped;
        bytes.remove_prefix(skipped);
        const auto part = bytes.substr(0, agent::frame_header_size - header_.size());
        header_.append(part);
        bytes.remove_prefix(part.size());
        if (header_.size() < agent::frame_header_size)
            return;
        for (std::size_t i = 1; i < agent::frame_header_size; ++i)
            left_ = left_ << 8U | static_cast<unsigned char>(header_[i]);
        header_.clear();
    }
}

RelayStream::RelayStream(boost::asio::io_context& loop, std::string head, sdk::os::UniqueFd peer, OnDone on_done)
    : peer_(loop, peer.release()), head_(std::move(head)), on_done_(std::move(on_done))
{
    boost::system::error_code ignored;
    peer_.non_blocking(true, ignored);
}

void RelayStream::on_open(Port port)
{
    ClientStream::on_open(std::move(port));
    await_peer_end();
}

/// A peer that dies while nobody reads from it would go unnoticed, and its command would run on.
void RelayStream::await_peer_end()
{
    peer_.async_wait(stream_descriptor::wait_error, [weak = weak_from_this()](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (self && !error)
            self->peer_left();
    });
}

void RelayStream::await_peer_input()
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

void RelayStream::await_peer_room()
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

void RelayStream::peer_left()
{
    if (std::exchange(peer_gone_, true))
        return;
    backlog_.clear();
    if (ended_)
        end();
    else
        port_.reset(peer_error());
}

Produced RelayStream::produce(std::span<char> room)
{
    if (head_sent_ < head_.size()) {
        const auto count = std::min(room.size(), head_.size() - head_sent_);
        std::memcpy(room.data(), head_.data() + head_sent_, count);
        head_sent_ += count;
        return {count, false};
    }
    while (!peer_gone_) {
        const auto count = recv(peer_.native_handle(), room.data(), room.size(), MSG_DONTWAIT);
        if (count > 0)
            return {static_cast<std::size_t>(count), false};
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            await_peer_input();
        else
            // Not from here: the session is in the middle of sending.
            boost::asio::post(peer_.get_executor(), [self = shared_from_this()] { self->peer_left(); });
        break;
    }
    return {};
}

void RelayStream::on_data(std::string_view bytes)
{
    if (status_ != 200) {
        refusal_.append(
            bytes.substr(0, agent::max_frame_payload - std::min(refusal_.size(), agent::max_frame_payload)));
        return port_.consumed(bytes.size());
    }
    withheld_ += bytes.size();
    boundary_.pass(bytes);
    if (!backlog_.empty())
        backlog_.append(bytes);
    else
        send_to_peer(bytes);
    drained();
}

void RelayStream::drained()
{
    if (withheld_ > 0 && backlog_.size() < backlog_limit)
        port_.consumed(std::exchange(withheld_, 0));
}

/// Sends what the peer takes and keeps the rest, which must be all there is.
void RelayStream::send_to_peer(std::string_view bytes)
{
    while (!bytes.empty() && !peer_gone_) {
        const auto count = send(peer_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) {
            backlog_.assign(bytes);
            drained();
            return await_peer_room();
        } else if (errno != EINTR) {
            return peer_left();
        }
    }
    drained();
    if (ended_)
        end();
}

void RelayStream::on_closed(sdk::Result<void> how)
{
    if (how && status_ != 200)
        how = agent::error_from_json(refusal_);
    ended_ = std::move(how);
    if (!*ended_ && !peer_gone_ && boundary_.between_frames()) {
        std::string frame;
        agent::write_frame(frame, agent::FrameType::error, agent::error_to_json(ended_->error()));
        backlog_.append(frame);
    }
    if (awaiting_room_ && !peer_gone_)
        return;
    send_to_peer(std::exchange(backlog_, {}));
}

void RelayStream::end()
{
    boost::system::error_code ignored;
    peer_.close(ignored);
    if (const auto done = std::exchange(on_done_, nullptr))
        done(*ended_);
}

}  // namespace banger::guest
