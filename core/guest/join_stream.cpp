// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/guest/join_stream.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "guest/protocol/json.hpp"

namespace banger::guest {
namespace {

/// With less room a frame is not worth its header.
constexpr std::size_t least_room = 64;

}  // namespace

JoinStream::JoinStream(boost::asio::io_context& loop, std::string head, sdk::os::UniqueFd peer, OnDone on_done)
    : peer_(loop, std::move(peer), *this), queued_(std::move(head)), on_done_(std::move(on_done))
{
    peer_.cut_at_our_death();
}

/// It was reset, or takes no more: so is the guest's connection.
void JoinStream::peer_is_gone()
{
    if (closed_)
        return close_peer();
    port_.reset(sdk::make_error(sdk::Code::cancelled, "the host's side of the connection was reset"));
}

void JoinStream::abort()
{
    port_.reset(sdk::make_error(sdk::Code::cancelled, "the connection was ended"));
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
    const auto count = peer_.read(space.first(std::min(space.size(), agent::max_frame_payload)));
    if (!count)
        return {};
    input_ended_ = *count == 0;
    const auto header = agent::frame_header(input_ended_ ? agent::FrameType::eof : agent::FrameType::data, *count);
    std::memcpy(room.data(), header.data(), header.size());
    return {header.size() + *count, input_ended_};
}

void JoinStream::on_data(std::string_view bytes)
{
    if (take_refusal(bytes))
        return;
    withheld_ += bytes.size();
    const auto read = reader_.feed(
        bytes, [this](agent::FrameType type, std::string_view payload) { return take_frame(type, payload); });
    if (!read)
        port_.reset(read.error());
    peer_took_bytes();
}

bool JoinStream::take_frame(agent::FrameType type, std::string_view payload)
{
    if (type == agent::FrameType::error)
        failed_ = agent::error_from_json(payload);
    if (type == agent::FrameType::data)
        peer_.send(payload);
    guest_ended_ = guest_ended_ || type == agent::FrameType::eof;
    return !failed_;
}

void JoinStream::peer_took_bytes()
{
    if (peer_.waiting() > 0)
        return;
    if (withheld_ > 0)
        port_.consumed(std::exchange(withheld_, 0));
    if (guest_ended_)
        peer_.end_sending();
    if (closed_)
        close_peer();
}

void JoinStream::on_closed(sdk::Result<void> how)
{
    closed_ = true;
    if (!failed_)
        failed_ = how ? refusal() : std::optional(std::move(how.error()));
    if (failed_ || peer_.waiting() == 0)
        close_peer();
}

void JoinStream::close_peer()
{
    peer_.close(failed_ ? StreamPeer::Close::with_reset : StreamPeer::Close::in_order);
    if (const auto done = std::exchange(on_done_, nullptr))
        done(failed_ ? sdk::Result<void>(*failed_) : sdk::Result<void>());
}

}  // namespace banger::guest
