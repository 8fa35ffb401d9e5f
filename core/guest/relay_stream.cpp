// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/guest/relay_stream.hpp"

#include <algorithm>
#include <cstring>

#include "guest/protocol/json.hpp"

namespace banger::guest {
namespace {

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
    : peer_(loop, std::move(peer), *this), head_(std::move(head)), on_done_(std::move(on_done))
{
}

void RelayStream::on_open(Port port)
{
    ClientStream::on_open(std::move(port));
    // A peer that dies while nobody reads from it would go unnoticed, and its command would run on.
    peer_.watch_for_end();
}

void RelayStream::peer_is_gone()
{
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
    const auto count = peer_.read(room);
    if (count && *count == 0)
        peer_.leave_later();
    return {count.value_or(0), false};
}

void RelayStream::on_data(std::string_view bytes)
{
    if (take_refusal(bytes))
        return;
    withheld_ += bytes.size();
    boundary_.pass(bytes);
    peer_.send(bytes);
}

void RelayStream::peer_took_bytes()
{
    if (withheld_ > 0 && peer_.waiting() < backlog_limit)
        port_.consumed(std::exchange(withheld_, 0));
    if (ended_ && peer_.waiting() == 0)
        end();
}

void RelayStream::on_closed(sdk::Result<void> how)
{
    const auto refused = how ? refusal() : std::nullopt;
    ended_ = refused ? sdk::Result<void>(*refused) : std::move(how);
    if (!*ended_ && boundary_.between_frames()) {
        std::string frame;
        agent::write_frame(frame, agent::FrameType::error, agent::error_to_json(ended_->error()));
        peer_.send(frame);
    }
    if (peer_.waiting() == 0)
        end();
}

void RelayStream::end()
{
    peer_.close(StreamPeer::Close::in_order);
    if (const auto done = std::exchange(on_done_, nullptr))
        done(*ended_);
}

}  // namespace banger::guest
