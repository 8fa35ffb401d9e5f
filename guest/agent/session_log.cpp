// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/session_log.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace banger::agent {
namespace {

/// What a piece that waits costs beside its bytes.
constexpr std::size_t overhead = 256;
/// A reader gets so much at a time, or a record that is longer.
constexpr std::size_t read_ahead = 64UL * 1024;
/// A disk that answers later than this is said to be standing still.
constexpr std::chrono::seconds longest_wait{2};

SessionLog::Facts facts_of(const RingLog& ring)
{
    return {ring.written(), ring.dropped(), ring.capacity(), ring.problem()};
}

SessionLog::Read read_some(const RingLog& ring, RingLog::Cursor cursor)
{
    SessionLog::Read result;
    std::string room(max_frame_payload, '\0');
    for (std::size_t bytes = 0; bytes < read_ahead;) {
        const auto piece = ring.read(cursor, room);
        if (piece.bytes == 0 && piece.dropped == 0)
            break;
        result.pieces.push_back({piece.type, piece.dropped, room.substr(0, piece.bytes)});
        bytes += piece.bytes;
    }
    result.cursor = cursor;
    return result;
}

}  // namespace

SessionLog::SessionLog(Worker& worker, std::function<void()> room_again, RingLog ring)
    : worker_(worker),
      room_again_(std::move(room_again)),
      ring_(std::make_shared<RingLog>(std::move(ring))),
      known_(facts_of(*ring_)),
      written_(known_.written)
{
}

/// The last to close a file that was removed frees its room, which takes a disk that answers.
SessionLog::~SessionLog()
{
    worker_.run([ring = std::move(ring_)] {});
}

void SessionLog::work(std::size_t cost, std::function<void(RingLog&)> job, std::function<void()> then)
{
    if (under_way_++ == 0)
        waits_since_ = EventLoop::Clock::now();
    backlog_ += cost;
    full_ = full_ || backlog_ >= most_backlog;
    const auto known = std::make_shared<Facts>();
    worker_.run(
        [ring = ring_, known, job = std::move(job)] {
            job(*ring);
            *known = facts_of(*ring);
        },
        [this, alive = std::weak_ptr(alive_), cost, known, then = std::move(then)] {
            if (alive.expired())
                return;
            done(cost, std::move(*known));
            if (then)
                then();
        });
}

void SessionLog::done(std::size_t cost, Facts known)
{
    --under_way_;
    waits_since_ = EventLoop::Clock::now();
    backlog_ -= cost;
    known_ = std::move(known);
    if (full_ && backlog_ < most_backlog / 2) {
        full_ = false;
        room_again_();
    }
}

void SessionLog::make(std::function<RingLog()> ring, std::function<void()> then)
{
    work(0, [make = std::move(ring)](RingLog& log) { log = make(); }, std::move(then));
}

void SessionLog::append(FrameType type, std::string_view bytes)
{
    written_ += bytes.size();
    work(bytes.size() + overhead, [type, text = std::string(bytes)](RingLog& ring) { ring.append(type, text); });
}

void SessionLog::close(std::string note, std::function<void()> then)
{
    work(0, [note = std::move(note)](RingLog& ring) { ring.close(note); }, std::move(then));
}

SessionLog::Facts SessionLog::facts() const
{
    Facts facts = known_;
    facts.written = written_;
    if (under_way_ > 0 && EventLoop::Clock::now() - waits_since_ > longest_wait) {
        facts.capacity = most_backlog;
        facts.problem = "its disk does not answer";
    }
    return facts;
}

void SessionLog::read(const RingLog::Cursor& cursor, std::function<void(Read)> then) const
{
    const auto result = std::make_shared<Read>();
    worker_.run([ring = ring_, cursor, result] { *result = read_some(*ring, cursor); },
                [result, then = std::move(then)] { then(std::move(*result)); });
}

void LogReader::fetch()
{
    if (fetching_ || ended_at_ == log_.written())
        return;
    fetching_ = true;
    log_.read(cursor_, [this, alive = std::weak_ptr(alive_), asked_at = log_.written()](SessionLog::Read read) {
        if (!alive.expired())
            take(std::move(read), asked_at);
    });
}

void LogReader::take(SessionLog::Read read, std::uint64_t asked_at)
{
    fetching_ = false;
    cursor_ = read.cursor;
    if (read.pieces.empty())
        ended_at_ = asked_at;
    pieces_.insert(pieces_.end(), std::make_move_iterator(read.pieces.begin()),
                   std::make_move_iterator(read.pieces.end()));
    if (std::exchange(waited_for_, false))
        ready_();
}

bool LogReader::at_end() const
{
    return pieces_.empty() && !fetching_ && ended_at_ == log_.written();
}

RingLog::Piece LogReader::read(std::span<char> room)
{
    if (pieces_.empty()) {
        waited_for_ = true;
        fetch();
        return {};
    }
    auto& first = pieces_.front();
    RingLog::Piece piece{first.type, std::min(room.size(), first.bytes.size() - taken_), std::exchange(first.dropped, 0)};
    std::memcpy(room.data(), first.bytes.data() + taken_, piece.bytes);
    taken_ += piece.bytes;
    position_ += piece.dropped + piece.bytes;
    if (taken_ == first.bytes.size()) {
        pieces_.pop_front();
        taken_ = 0;
    }
    if (pieces_.empty())
        fetch();
    return piece;
}

}  // namespace banger::agent
