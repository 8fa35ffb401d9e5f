// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/exchange.hpp"

#include <algorithm>
#include <cstring>

#include "guest/protocol/json.hpp"

namespace banger::agent {
namespace {

constexpr std::size_t max_json_body = 4UL * 1024 * 1024;
/// With less room than this a piece goes through the queue, so that a frame's header never needs to be split here.
constexpr std::size_t least_direct_room = 512;

int http_status(sdk::Code code)
{
    switch (code) {
        case sdk::Code::invalid: return 400;
        case sdk::Code::permission: return 403;
        case sdk::Code::not_found: return 404;
        case sdk::Code::exists:
        case sdk::Code::busy:
        case sdk::Code::precondition: return 409;
        case sdk::Code::unsupported: return 501;
        case sdk::Code::timed_out: return 504;
        default: return 500;
    }
}

std::size_t copy_out(const std::string& from, std::size_t& sent, std::span<char> room)
{
    const std::size_t count = std::min(room.size(), from.size() - sent);
    std::memcpy(room.data(), from.data() + sent, count);
    sent += count;
    return count;
}

}  // namespace

void JsonExchange::on_body(std::string_view bytes)
{
    stream_.consumed(bytes.size());
    if (answered_)
        return;
    body_.append(bytes);
    if (body_.size() > max_json_body)
        answer(sdk::make_error(sdk::Code::invalid, "the request to the guest agent is too long"));
}

void JsonExchange::on_body_end()
{
    if (answered_)
        return;
    handler_(body_, [this, alive = std::weak_ptr<bool>(alive_)](sdk::Result<std::string> result) {
        if (!alive.expired())
            answer(std::move(result));
    });
}

void JsonExchange::answer(sdk::Result<std::string> result)
{
    if (answered_)
        return;
    answered_ = true;
    answer_ = result ? std::move(*result) : error_to_json(result.error());
    stream_.respond(result ? 200 : http_status(result.error().code));
}

Produced JsonExchange::produce(std::span<char> room)
{
    const std::size_t count = copy_out(answer_, sent_, room);
    return {count, sent_ == answer_.size()};
}

FramedExchange::FramedExchange(Stream& stream, std::size_t most_backlog)
    : Exchange(stream), most_backlog_(most_backlog)
{
    stream_.respond(200);  // what goes wrong later is an error frame
}

void FramedExchange::on_body(std::string_view bytes)
{
    withheld_ += bytes.size();
    const auto read = reader_.feed(bytes, [this](FrameType type, std::string_view payload) {
        if (!finished_)
            on_frame(type, payload);
        return true;
    });
    if (!read)
        fail(read.error());
    backlog_drained();
}

void FramedExchange::on_body_end()
{
    if (!finished_)
        on_end(reader_.between_frames());
}

void FramedExchange::backlog_drained()
{
    if (withheld_ > 0 && (finished_ || backlog() < most_backlog_))
        stream_.consumed(std::exchange(withheld_, 0));
}

void FramedExchange::queue(FrameType type, std::string_view payload)
{
    if (finished_)
        return;
    write_frame(queued_, type, payload);
    stream_.wake();
}

void FramedExchange::finish()
{
    finished_ = true;
    stream_.wake();
    backlog_drained();
}

void FramedExchange::fail(const sdk::Error& error)
{
    if (finished_)
        return;
    queue(FrameType::error, error_to_json(error));
    finish();
}

Produced FramedExchange::produce(std::span<char> room)
{
    if (sent_ == queued_.size()) {
        queued_.clear();
        sent_ = 0;
    }
    if (queued_.empty() && !finished_) {
        if (room.size() >= least_direct_room) {
            const auto space = room.subspan(frame_header_size);
            const auto pulled = pull(space.first(std::min(space.size(), max_frame_payload)));
            if (pulled.bytes > 0) {
                const auto header = frame_header(pulled.type, pulled.bytes);
                std::memcpy(room.data(), header.data(), header.size());
                return {frame_header_size + pulled.bytes, false};
            }
        } else {
            char piece[4096];
            const auto pulled = pull(piece);
            if (pulled.bytes > 0)
                write_frame(queued_, pulled.type, {piece, pulled.bytes});
        }
    }
    const std::size_t count = copy_out(queued_, sent_, room);
    return {count, finished_ && sent_ == queued_.size()};
}

}  // namespace banger::agent
