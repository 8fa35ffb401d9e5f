// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest/agent/ring_log.hpp"
#include "guest/agent/worker.hpp"

namespace banger::agent {

/// A session's log as the loop sees it: a Worker writes and reads it, in the order in which it was told to, so that its disk
/// may take as long as it likes. What it has not taken yet is in memory; with too much of that the command has to wait.
class SessionLog {
public:
    /// How much waits for the disk at most, in bytes.
    static constexpr std::size_t most_backlog = 1UL << 20U;

    /// `room_again`: it takes more again. Without a ring it has none until make().
    SessionLog(Worker& worker, std::function<void()> room_again, RingLog ring = {});
    ~SessionLog();
    SessionLog(const SessionLog&) = delete;
    SessionLog& operator=(const SessionLog&) = delete;

    /// Has the worker make the ring. `then` is called when it is there.
    void make(std::function<RingLog()> ring, std::function<void()> then);
    void append(FrameType type, std::string_view bytes);
    /// Whether there is room for more; if not, room_again is called when there is.
    [[nodiscard]] bool takes_more() const { return !full_; }
    /// `then` is called when the note is on the file.
    void close(std::string note, std::function<void()> then);

    struct Facts {
        std::uint64_t written = 0;   ///< what was appended, on the disk or not
        std::uint64_t dropped = 0;
        std::uint64_t capacity = 0;
        std::string problem;         ///< why `capacity` is of memory
    };
    [[nodiscard]] Facts facts() const;
    [[nodiscard]] std::uint64_t written() const { return written_; }

    /// What was read, and where the reader is then. Nothing: there is no more yet.
    struct Read {
        struct Piece {
            FrameType type = FrameType::out;
            std::uint64_t dropped = 0;
            std::string bytes;
        };
        std::vector<Piece> pieces;
        RingLog::Cursor cursor;
    };
    /// Behind all that was appended so far. `then` is called later.
    void read(const RingLog::Cursor& cursor, std::function<void(Read)> then) const;

private:
    void work(std::size_t cost, std::function<void(RingLog&)> job, std::function<void()> then = {});
    void done(std::size_t cost, Facts known);

    Worker& worker_;
    std::function<void()> room_again_;
    std::shared_ptr<RingLog> ring_;  ///< the worker's once it has something to do
    Facts known_;                    ///< of the ring, when the worker was done last
    std::uint64_t written_ = 0;
    std::size_t backlog_ = 0;
    std::size_t under_way_ = 0;
    bool full_ = false;
    EventLoop::Clock::time_point waits_since_;  ///< for the oldest thing under way
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// Somebody who reads a session's log at his own pace, a little ahead of what he takes.
class LogReader {
public:
    /// `ready` is called after reading gave nothing: there is more, or it is at the end. `log` outlives it.
    LogReader(const SessionLog& log, std::function<void()> ready) : log_(log), ready_(std::move(ready)) {}

    /// As RingLog::read; nothing also while the disk is asked.
    RingLog::Piece read(std::span<char> room);
    /// All that was written by now was given.
    [[nodiscard]] bool at_end() const;
    /// How much the command had written before what comes next.
    [[nodiscard]] std::uint64_t position() const { return position_; }

private:
    void fetch();
    void take(SessionLog::Read read, std::uint64_t asked_at);

    const SessionLog& log_;
    std::function<void()> ready_;
    std::deque<SessionLog::Read::Piece> pieces_;
    std::size_t taken_ = 0;  ///< of the first of them
    RingLog::Cursor cursor_;
    std::uint64_t position_ = 0;
    bool fetching_ = false;
    bool waited_for_ = false;
    std::optional<std::uint64_t> ended_at_;  ///< the log's length when there was nothing more
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace banger::agent
