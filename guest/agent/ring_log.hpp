// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::agent {

/// The newest of what a command wrote: a ring of records in a file whose room is taken at the beginning, so that a disk which
/// gets full later does not matter. The oldest records make room for new ones. A note of a few words is kept beside them.
///
/// Where there is no file, as on a disk that is full or cannot be written, the ring is in memory, and small; problem() says why.
/// Crashes: of a file whose machine was cut off readers find the records that reached the disk whole, which their checksums say,
/// and are told how much is missing between them.
/// The file system has nobody who writes to it once close was called.
class RingLog {
public:
    /// What is kept of a log that has no file, in bytes.
    static constexpr std::uint64_t memory_capacity = 256UL * 1024;
    static constexpr std::uint64_t least_capacity = 64UL * 1024;
    static constexpr std::uint64_t most_capacity = 1UL << 30U;

    /// Keeps nothing: to be assigned to.
    RingLog() = default;
    /// A new one in place of what is at `path`. Never fails: see problem().
    static RingLog create(const std::string& path, std::uint64_t capacity);
    /// One without a file, for that reason.
    static RingLog in_memory(std::string why);
    /// One that is there, to be read. Errors: not_found, corrupt.
    static sdk::Result<RingLog> open(const std::string& path);

    /// `type` is out or err.
    void append(FrameType type, std::string_view bytes);

    /// Where a reader is; a new one is at the oldest that is kept.
    struct Cursor {
        std::uint64_t record = 0;   ///< position of the record that is read next
        std::size_t within = 0;     ///< bytes of it that were read
        std::uint64_t written = 0;  ///< how much the command had written before the next byte to read
    };
    struct Piece {
        FrameType type = FrameType::out;
        std::size_t bytes = 0;      ///< 0: nothing, or nothing yet
        std::uint64_t dropped = 0;  ///< so much that the command wrote before these bytes is kept no more, or cannot be read
    };
    /// Reads on; `room` gets bytes of one record at a time.
    Piece read(Cursor& cursor, std::span<char> room) const;

    /// Nothing is appended any more. Keeps a note of at most 512 bytes.
    void close(std::string_view note);
    [[nodiscard]] std::string note() const;

    [[nodiscard]] std::uint64_t written() const { return written_; }  ///< bytes that were appended, in all
    [[nodiscard]] std::uint64_t dropped() const { return oldest_.written; }  ///< those of them that are kept no more
    [[nodiscard]] std::uint64_t capacity() const { return capacity_; }
    /// Why it is not in a file; empty if it is.
    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    struct Record;

    void move_to_memory(std::string why);
    bool append_record(FrameType type, std::string_view bytes);
    bool make_room(std::uint64_t bytes);
    bool write_first_page(std::string_view note, std::uint64_t end);
    bool write_ring(std::uint64_t position, std::string_view bytes);
    bool read_ring(std::uint64_t position, std::span<char> bytes) const;
    bool read_header(std::uint64_t position, Record& record) const;
    bool read_record(std::uint64_t position, Record& record) const;
    bool find_record(std::uint64_t& position, Record& record) const;
    bool is_whole(std::uint64_t position, const Record& record) const;
    Piece rest_of(Cursor& cursor) const;
    void find_end();
    void find_oldest();

    sdk::os::UniqueFd file_;    ///< to be read
    sdk::os::UniqueFd writer_;  ///< the same, until it is closed
    std::uint64_t capacity_ = 0;
    std::uint64_t key_ = 0;
    struct Oldest {
        std::uint64_t record = 0;   ///< position of the oldest that is kept
        std::uint64_t written = 0;  ///< before it
    } oldest_;
    bool after_a_crash_ = false;  ///< records may be torn
    std::uint64_t end_ = 0;        ///< position behind the newest record; positions only grow, and are taken modulo the capacity
    std::uint64_t written_ = 0;
    std::string problem_;
};

}  // namespace banger::agent
