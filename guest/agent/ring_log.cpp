// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/ring_log.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace banger::agent {
namespace {

/// The file begins with a page of its own: the state, and the note.
constexpr std::uint64_t ring_begins = 4096;
constexpr std::size_t note_begins = 64;
constexpr std::size_t longest_note = 512;
constexpr std::array<char, 8> magic{'B', 'N', 'G', 'R', 'L', 'O', 'G', '0'};

struct State {
    std::array<char, 8> magic;
    std::uint64_t capacity;
    std::uint64_t first;
    std::uint64_t end;
    std::uint64_t written;
};

/// Through short writes. False with errno.
bool write_all_at(int fd, std::string_view bytes, std::uint64_t at)
{
    while (!bytes.empty()) {
        const ssize_t count = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
        at += static_cast<std::uint64_t>(count);
    }
    return true;
}

bool read_all_at(int fd, std::span<char> bytes, std::uint64_t at)
{
    while (!bytes.empty()) {
        const ssize_t count = pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        at += static_cast<std::uint64_t>(count);
    }
    return true;
}

}  // namespace

/// What stands before the bytes of a record. `written` tells a whole record from what a crash left.
struct RingLog::Record {
    std::uint64_t written;
    std::uint32_t bytes;
    std::uint32_t type;

    [[nodiscard]] std::uint64_t size() const { return sizeof(Record) + bytes; }
};

RingLog RingLog::create(const std::string& path, std::uint64_t capacity)
{
    RingLog log;
    log.capacity_ = std::clamp(capacity, least_capacity, most_capacity);
    log.file_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    int error = log.file_ ? posix_fallocate(log.file_.get(), 0, static_cast<off_t>(ring_begins + log.capacity_)) : errno;
    if (error == 0 && !log.write_state())
        error = errno;
    if (error != 0) {
        unlink(path.c_str());
        log.move_to_memory(std::strerror(error));
    }
    return log;
}

RingLog RingLog::in_memory(std::string why)
{
    RingLog log;
    log.move_to_memory(std::move(why));
    return log;
}

sdk::Result<RingLog> RingLog::open(const std::string& path)
{
    RingLog log;
    log.file_.reset(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!log.file_)
        return sdk::os_error("open '" + path + "'");
    State state{};
    if (!read_all_at(log.file_.get(), {reinterpret_cast<char*>(&state), sizeof state}, 0) || state.magic != magic ||
        state.capacity < least_capacity || state.capacity > most_capacity || state.first > state.end ||
        state.end - state.first > state.capacity)
        return sdk::make_error(sdk::Code::corrupt, "'" + path + "' is not what a session wrote");
    log.capacity_ = state.capacity;
    log.first_ = state.first;
    log.end_ = state.end;
    log.written_ = state.written;
    return log;
}

/// What was kept so far goes: it may not be readable either.
void RingLog::move_to_memory(std::string why)
{
    problem_ = std::move(why);
    file_.reset(memfd_create("session", MFD_CLOEXEC));
    capacity_ = memory_capacity;
    first_ = end_;
    write_state();
}

bool RingLog::write_state()
{
    const State state{magic, capacity_, first_, end_, written_};
    return write_all_at(file_.get(), {reinterpret_cast<const char*>(&state), sizeof state}, 0);
}

bool RingLog::write_ring(std::uint64_t position, std::string_view bytes)
{
    const std::uint64_t at = position % capacity_;
    const auto before_wrap = bytes.substr(0, capacity_ - at);
    return write_all_at(file_.get(), before_wrap, ring_begins + at) &&
           write_all_at(file_.get(), bytes.substr(before_wrap.size()), ring_begins);
}

bool RingLog::read_ring(std::uint64_t position, std::span<char> bytes) const
{
    const std::uint64_t at = position % capacity_;
    const auto before_wrap = bytes.first(std::min<std::uint64_t>(bytes.size(), capacity_ - at));
    return read_all_at(file_.get(), before_wrap, ring_begins + at) &&
           read_all_at(file_.get(), bytes.subspan(before_wrap.size()), ring_begins);
}

bool RingLog::read_record(std::uint64_t position, Record& record) const
{
    return end_ - position >= sizeof record &&
           read_ring(position, {reinterpret_cast<char*>(&record), sizeof record}) &&
           record.size() <= end_ - position && record.bytes > 0 && record.written <= written_ &&
           (record.type == static_cast<std::uint32_t>(FrameType::out) ||
            record.type == static_cast<std::uint32_t>(FrameType::err));
}

void RingLog::append(FrameType type, std::string_view bytes)
{
    // Small enough that making room for one never drops more than a part.
    const std::size_t longest = std::min<std::uint64_t>(max_frame_payload, capacity_ / 8);
    while (!bytes.empty()) {
        const auto part = bytes.substr(0, longest);
        if (!append_record(type, part)) {
            move_to_memory(std::strerror(errno));
            append_record(type, part);
        }
        bytes.remove_prefix(part.size());
    }
}

bool RingLog::append_record(FrameType type, std::string_view bytes)
{
    const Record record{written_, static_cast<std::uint32_t>(bytes.size()), static_cast<std::uint32_t>(type)};
    for (Record oldest{}; end_ + record.size() - first_ > capacity_; first_ += oldest.size())
        if (!read_record(first_, oldest)) {
            first_ = end_;  // what cannot be read is of no use
            break;
        }
    std::string whole(reinterpret_cast<const char*>(&record), sizeof record);
    whole.append(bytes);
    if (!write_ring(end_, whole))
        return false;
    end_ += whole.size();
    written_ += bytes.size();
    return write_state();
}

RingLog::Piece RingLog::read(Cursor& cursor, std::span<char> room) const
{
    if (cursor.record < first_) {
        cursor.record = first_;
        cursor.within = 0;
    }
    Record record{};
    Piece piece;
    if (cursor.record >= end_ || !read_record(cursor.record, record))
        return piece;
    if (cursor.within == 0) {
        piece.dropped = record.written - std::min(record.written, cursor.written);
        cursor.written = record.written;
    }
    piece.type = static_cast<FrameType>(record.type);
    const auto bytes = room.first(std::min<std::size_t>(room.size(), record.bytes - cursor.within));
    if (!read_ring(cursor.record + sizeof record + cursor.within, bytes))
        return piece;
    piece.bytes = bytes.size();
    cursor.within += bytes.size();
    cursor.written += bytes.size();
    if (cursor.within == record.bytes) {
        cursor.record += record.size();
        cursor.within = 0;
    }
    return piece;
}

std::uint64_t RingLog::dropped() const
{
    Record oldest{};
    return first_ < end_ && read_record(first_, oldest) ? oldest.written : written_;
}

void RingLog::set_note(std::string_view note)
{
    std::string page(note.substr(0, longest_note));
    page.resize(longest_note, '\0');
    [[maybe_unused]] const bool ignored = write_all_at(file_.get(), page, note_begins);
}

std::string RingLog::note() const
{
    std::string page(longest_note, '\0');
    if (!read_all_at(file_.get(), page, note_begins))
        return {};
    return page.substr(0, page.find('\0'));
}

}  // namespace banger::agent
