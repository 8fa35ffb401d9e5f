// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/ring_log.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace banger::agent {
namespace {

/// The file begins with a page of its own, written when it is made and when it is closed: the state, and the note.
constexpr std::uint64_t ring_begins = 4096;
constexpr std::size_t note_begins = 64;
constexpr std::size_t longest_note = 512;
constexpr std::array<char, 8> magic{'B', 'N', 'G', 'R', 'L', 'O', 'G', '1'};

struct State {
    std::array<char, 8> magic;
    std::uint64_t capacity;
    std::uint64_t key;
    std::uint64_t end;  ///< 0: it was not closed
    std::uint64_t written;
};
static_assert(sizeof(State) <= note_begins);

/// Where records begin, so that they can be searched for.
constexpr std::uint64_t alignment = 8;
constexpr std::size_t search_bytes = 64UL * 1024;

constexpr std::uint64_t aligned(std::uint64_t bytes)
{
    return (bytes + alignment - 1) / alignment * alignment;
}

std::uint64_t word_at(std::string_view bytes, std::size_t at)
{
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    return word;
}

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

/// What stands before the bytes of a record. The mark is made of where it stands and the log's key, which the command does not
/// know: so records are told from output, and those of this turn of the ring from those of the one before. The sum is of all the
/// rest, the zeros behind its bytes included: a crash leaves on the disk what pages it likes.
struct RingLog::Record {
    std::uint64_t mark;
    std::uint64_t written;
    std::uint32_t bytes;
    std::uint32_t type;
    std::uint64_t sum;

    [[nodiscard]] std::uint64_t size() const { return sizeof(Record) + aligned(bytes); }

    /// The steps of FNV-1a (64 bits), on words in place of bytes.
    [[nodiscard]] std::uint64_t sum_with(std::string_view padded) const
    {
        constexpr std::uint64_t prime = 0x100000001b3;
        std::uint64_t hash = 0xcbf29ce484222325;
        for (const std::uint64_t word : {mark, written, std::uint64_t{bytes} << 32U | type})
            hash = (hash ^ word) * prime;
        for (std::size_t at = 0; at < padded.size(); at += alignment)
            hash = (hash ^ word_at(padded, at)) * prime;
        return hash;
    }
};

RingLog RingLog::create(const std::string& path, std::uint64_t capacity)
{
    RingLog log;
    log.capacity_ = aligned(std::clamp(capacity, least_capacity, most_capacity));
    [[maybe_unused]] const auto got = getrandom(&log.key_, sizeof log.key_, GRND_NONBLOCK);  // early in a boot there is none
    log.writer_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    int error = log.writer_ ? posix_fallocate(log.writer_.get(), 0, static_cast<off_t>(ring_begins + log.capacity_)) : errno;
    if (error == 0 && !log.write_first_page({}, 0))
        error = errno;
    if (error == 0) {
        log.file_.reset(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
        error = log.file_ ? 0 : errno;
    }
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
        state.capacity < least_capacity || state.capacity > most_capacity || state.capacity % alignment != 0 ||
        state.end % alignment != 0)
        return sdk::make_error(sdk::Code::corrupt, "'" + path + "' is not what a session wrote");
    log.capacity_ = state.capacity;
    log.key_ = state.key;
    log.end_ = state.end;
    log.written_ = state.written;
    if (log.end_ == 0)
        log.find_end();
    log.after_a_crash_ = true;  // it was closed, and nothing says which of its pages had reached the disk by the end
    log.find_oldest();
    return log;
}

/// What was kept so far goes: it may not be readable either.
void RingLog::move_to_memory(std::string why)
{
    problem_ = std::move(why);
    file_.reset(memfd_create("session", MFD_CLOEXEC));
    writer_.reset(fcntl(file_.get(), F_DUPFD_CLOEXEC, 0));
    capacity_ = memory_capacity;
    oldest_ = {end_, written_};
    write_first_page({}, 0);
}

bool RingLog::write_first_page(std::string_view note, std::uint64_t end)
{
    const State state{magic, capacity_, key_, end, written_};
    std::string page(reinterpret_cast<const char*>(&state), sizeof state);
    page.resize(note_begins);
    page.append(note.substr(0, longest_note));
    page.resize(note_begins + longest_note);
    return write_all_at(writer_.get(), page, 0);
}

void RingLog::close(std::string_view note)
{
    [[maybe_unused]] const bool ignored = write_first_page(note, end_);
    writer_.reset();
}

bool RingLog::write_ring(std::uint64_t position, std::string_view bytes)
{
    const std::uint64_t at = position % capacity_;
    const auto before_wrap = bytes.substr(0, capacity_ - at);
    return write_all_at(writer_.get(), before_wrap, ring_begins + at) &&
           write_all_at(writer_.get(), bytes.substr(before_wrap.size()), ring_begins);
}

bool RingLog::read_ring(std::uint64_t position, std::span<char> bytes) const
{
    const std::uint64_t at = position % capacity_;
    const auto before_wrap = bytes.first(std::min<std::uint64_t>(bytes.size(), capacity_ - at));
    return read_all_at(file_.get(), before_wrap, ring_begins + at) &&
           read_all_at(file_.get(), bytes.subspan(before_wrap.size()), ring_begins);
}

/// Whether all of a record reached the disk.
bool RingLog::is_whole(std::uint64_t position, const Record& record) const
{
    std::string bytes(aligned(record.bytes), '\0');
    return read_ring(position + sizeof record, bytes) && record.sum == record.sum_with(bytes);
}

/// Whether a record begins there.
bool RingLog::read_header(std::uint64_t position, Record& record) const
{
    return read_ring(position, {reinterpret_cast<char*>(&record), sizeof record}) && record.mark == (key_ ^ position) &&
           record.bytes > 0 && record.bytes <= max_frame_payload &&
           (record.type == static_cast<std::uint32_t>(FrameType::out) ||
            record.type == static_cast<std::uint32_t>(FrameType::err));
}

bool RingLog::read_record(std::uint64_t position, Record& record) const
{
    return position < end_ && read_header(position, record) && record.size() <= end_ - position &&
           (!after_a_crash_ || is_whole(position, record));
}

/// The first record there or later.
bool RingLog::find_record(std::uint64_t& position, Record& record) const
{
    if (read_record(position, record))
        return true;
    if (position >= end_)
        return false;
    std::string block(search_bytes, '\0');
    for (; position < end_; position += block.size()) {
        block.resize(std::min<std::uint64_t>(search_bytes, end_ - position));
        if (!read_ring(position, block))
            continue;  // the disk fails here, and may not further on
        for (std::size_t at = 0; at < block.size(); at += alignment)
            if (word_at(block, at) == (key_ ^ (position + at)) && read_record(position + at, record)) {
                position += at;
                return true;
            }
    }
    return false;
}

/// Of one whose machine was cut off: behind the newest record.
void RingLog::find_end()
{
    std::string block(search_bytes, '\0');
    Record record{};
    for (std::uint64_t begin = 0; begin < capacity_; begin += block.size()) {
        block.resize(std::min<std::uint64_t>(search_bytes, capacity_ - begin));
        if (!read_ring(begin, block))
            return;
        for (std::size_t at = 0; at < block.size(); at += alignment) {
            const std::uint64_t position = word_at(block, at) ^ key_;
            if (position % capacity_ != begin + at || !read_header(position, record) || position + record.size() <= end_ ||
                !is_whole(position, record))
                continue;
            end_ = position + record.size();
            written_ = record.written + record.bytes;
        }
    }
}

void RingLog::find_oldest()
{
    Record record{};
    oldest_ = {end_ - std::min(end_, capacity_), written_};
    if (find_record(oldest_.record, record))
        oldest_.written = record.written;
}

void RingLog::append(FrameType type, std::string_view bytes)
{
    // Small enough that making room for one never drops more than a part.
    const std::size_t longest = std::min<std::uint64_t>(max_frame_payload, capacity_ / 8);
    while (writer_ && !bytes.empty()) {
        const auto part = bytes.substr(0, longest);
        if (!append_record(type, part)) {
            move_to_memory(std::strerror(errno));
            append_record(type, part);
        }
        bytes.remove_prefix(part.size());
    }
}

/// The oldest make room for so many bytes.
bool RingLog::make_room(std::uint64_t bytes)
{
    Record record{};
    while (end_ + bytes - oldest_.record > capacity_) {
        if (!read_header(oldest_.record, record)) {
            errno = EIO;
            return false;
        }
        oldest_ = {oldest_.record + record.size(), record.written + record.bytes};
    }
    return true;
}

bool RingLog::append_record(FrameType type, std::string_view bytes)
{
    Record record{key_ ^ end_, written_, static_cast<std::uint32_t>(bytes.size()), static_cast<std::uint32_t>(type), 0};
    std::string whole(sizeof record, '\0');
    whole.append(bytes);
    whole.resize(record.size());
    record.sum = record.sum_with(std::string_view(whole).substr(sizeof record));
    std::memcpy(whole.data(), &record, sizeof record);
    if (!make_room(whole.size()) || !write_ring(end_, whole))
        return false;
    end_ += whole.size();
    written_ += bytes.size();
    return true;
}

RingLog::Piece RingLog::read(Cursor& cursor, std::span<char> room) const
{
    if (cursor.record < oldest_.record) {
        cursor.record = oldest_.record;
        cursor.within = 0;
    }
    for (;;) {
        Record record{};
        if (cursor.within > 0 && !read_record(cursor.record, record)) {
            cursor.record += alignment;
            cursor.within = 0;
        }
        if (cursor.within == 0 && !find_record(cursor.record, record))
            return rest_of(cursor);
        const auto bytes = room.first(std::min<std::size_t>(room.size(), record.bytes - cursor.within));
        const std::uint64_t begins = record.written + cursor.within;
        if (read_ring(cursor.record + sizeof record + cursor.within, bytes)) {
            const Piece piece{static_cast<FrameType>(record.type), bytes.size(), begins - std::min(begins, cursor.written)};
            cursor.within += bytes.size();
            cursor.written = begins + bytes.size();
            if (cursor.within == record.bytes) {
                cursor.record += record.size();
                cursor.within = 0;
            }
            return piece;
        }
        cursor.record += record.size();
        cursor.within = 0;
    }
}

/// Behind the newest record that could be read.
RingLog::Piece RingLog::rest_of(Cursor& cursor) const
{
    Piece piece;
    piece.dropped = written_ - std::min(written_, cursor.written);
    cursor.written = std::max(written_, cursor.written);
    return piece;
}

std::string RingLog::note() const
{
    std::string page(longest_note, '\0');
    if (!read_all_at(file_.get(), page, note_begins))
        return {};
    return page.substr(0, page.find('\0'));
}

}  // namespace banger::agent
