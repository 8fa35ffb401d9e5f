// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/guest/call_streams.hpp"

#include <algorithm>
#include <cstring>

#include "guest/protocol/json.hpp"

namespace banger::guest {
namespace {

/// A guest is not trusted: an answer beyond this is not read further.
constexpr std::size_t longest_answer = 16UL * 1024 * 1024;

std::size_t copy_out(const std::string& from, std::size_t& sent, std::span<char> room)
{
    const std::size_t count = std::min(room.size(), from.size() - sent);
    std::memcpy(room.data(), from.data() + sent, count);
    sent += count;
    return count;
}

}  // namespace

Produced JsonCallStream::produce(std::span<char> room)
{
    const auto count = copy_out(body_, sent_, room);
    return {count, sent_ == body_.size()};
}

void JsonCallStream::on_data(std::string_view bytes)
{
    answer_.append(bytes);
    port_.consumed(bytes.size());
    if (answer_.size() > longest_answer)
        port_.reset(sdk::make_error(sdk::Code::internal, "the guest's agent answered with too many bytes"));
}

void JsonCallStream::on_closed(sdk::Result<void> how)
{
    const auto done = std::exchange(done_, nullptr);
    if (!how)
        return done(std::move(how.error()));
    if (status_ != 200)
        return done(agent::error_from_json(answer_));
    done(std::move(answer_));
}

FrameCallStream::FrameCallStream(const std::string& spec, std::string content, OnFrame on_frame, Done done)
    : content_(std::move(content)), on_frame_(std::move(on_frame)), done_(std::move(done))
{
    agent::write_frame(queued_, agent::FrameType::spec, spec);
}

Produced FrameCallStream::produce(std::span<char> room)
{
    if (sent_ == queued_.size()) {
        queued_.clear();
        sent_ = 0;
        const auto piece = std::string_view(content_).substr(taken_, agent::max_frame_payload);
        taken_ += piece.size();
        if (!piece.empty())
            agent::write_frame(queued_, agent::FrameType::data, piece);
        else if (!std::exchange(eof_queued_, true))
            agent::write_frame(queued_, agent::FrameType::eof);
    }
    const auto count = copy_out(queued_, sent_, room);
    return {count, eof_queued_ && sent_ == queued_.size()};
}

void FrameCallStream::on_data(std::string_view bytes)
{
    if (take_refusal(bytes))
        return;
    used(bytes.size());
    const auto read = reader_.feed(
        bytes, [this](agent::FrameType type, std::string_view payload) { return take_frame(type, payload); });
    if (!read && !failed_)
        failed_ = read.error();
    if (failed_)
        port_.reset(*failed_);
}

bool FrameCallStream::take_frame(agent::FrameType type, std::string_view payload)
{
    if (failed_)
        return false;
    if (type == agent::FrameType::error) {
        failed_ = agent::error_from_json(payload);
    } else if (auto taken = on_frame_(type, payload); !taken) {
        failed_ = std::move(taken.error());
    }
    return !failed_;
}

void FrameCallStream::on_closed(sdk::Result<void> how)
{
    const auto done = std::exchange(done_, nullptr);
    if (!failed_ && how)
        failed_ = refusal();
    done(failed_ ? sdk::Result<void>(*failed_) : std::move(how));
}

void PacedCallStream::used(std::size_t bytes)
{
    const bool waits = *withheld_ > 0;
    *withheld_ += bytes;
    if (waits)
        return;
    timer_.expires_after(interval_);
    timer_.async_wait([port = port_, withheld = withheld_](const boost::system::error_code& error) {
        if (!error)
            port.consumed(std::exchange(*withheld, 0));
    });
}

}  // namespace banger::guest
