// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/tree/file_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

namespace banger::tree {
namespace {

constexpr off_t large = 8L << 20;
/// What direct input and output must be aligned to, in memory and in the file: a page, which no disk exceeds.
constexpr std::size_t alignment = 4096;
constexpr std::size_t block_size = 1UL << 20;
/// What memory must be aligned to as well, where the file's side is: a sector of any disk that guests have.
constexpr std::size_t memory_alignment = 512;
constexpr std::size_t worth_it = 128UL * 1024;  ///< shorter pieces are gathered

}  // namespace

Block make_block(std::size_t size)
{
    return Block(static_cast<char*>(std::aligned_alloc(alignment, size)));
}

bool FileWriter::set_direct(bool on)
{
    if (direct_ == on)
        return true;
    const int flags = fcntl(file_, F_GETFL);
    if (flags < 0 || fcntl(file_, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) != 0)
        return false;
    direct_ = on;
    return true;
}

bool FileWriter::starts_direct()
{
    if (caching_ != Caching::below || run_ < large || !set_direct(true))
        return false;
    block_ = make_block(block_size);
    return block_ != nullptr;
}

sdk::Result<void> FileWriter::write_all(std::string_view bytes, off_t at, bool direct)
{
    return write_both({{{const_cast<char*>(bytes.data()), bytes.size()}, {}}}, at, direct);
}

/// One behind the other.
sdk::Result<void> FileWriter::write_both(std::array<iovec, 2> pieces, off_t at, bool direct)
{
    if (!set_direct(direct && caching_ == Caching::below))
        return sdk::os_error("write a file");
    while (pieces[0].iov_len + pieces[1].iov_len > 0) {
        const ssize_t written = pwritev(file_, pieces.data(), static_cast<int>(pieces.size()), at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EINVAL && direct_) {
            // This file system takes the flag and then refuses what comes with it.
            caching_ = Caching::here;
            if (!set_direct(false))
                return sdk::os_error("write a file");
            continue;
        }
        if (written < 0)
            return sdk::os_error("write a file");
        at += written;
        auto left = static_cast<std::size_t>(written);
        for (auto& piece : pieces) {
            const std::size_t of_this = std::min(left, piece.iov_len);
            piece.iov_base = static_cast<char*>(piece.iov_base) + of_this;
            piece.iov_len -= of_this;
            left -= of_this;
        }
    }
    return {};
}

std::size_t FileWriter::missing_of_page() const
{
    return (alignment - filled_ % alignment) % alignment;
}

bool FileWriter::goes_as_it_lies(std::string_view bytes) const
{
    const std::size_t missing = missing_of_page();
    return caching_ == Caching::below && bytes.size() >= worth_it + missing && filled_ + missing <= block_size &&
           reinterpret_cast<std::uintptr_t>(bytes.data() + missing) % memory_alignment == 0;
}

/// What is held, completed to a page, and all whole pages behind that. Returns how much of `bytes` that took.
sdk::Result<std::size_t> FileWriter::write_as_it_lies(std::string_view bytes)
{
    const std::size_t missing = missing_of_page();
    const off_t begin = end_ - static_cast<off_t>(filled_);
    std::memcpy(block_.get() + filled_, bytes.data(), missing);
    const std::size_t whole = (bytes.size() - missing) / alignment * alignment;
    const iovec held{block_.get(), std::exchange(filled_, 0) + missing};
    const iovec rest{const_cast<char*>(bytes.data()) + missing, whole};
    if (auto written = write_both({held, rest}, begin, true); !written)
        return std::move(written).error();
    return missing + whole;
}

sdk::Result<void> FileWriter::flush()
{
    const off_t begin = end_ - static_cast<off_t>(filled_);
    const std::size_t whole = filled_ - filled_ % alignment;
    const std::string_view held(block_.get(), std::exchange(filled_, 0));
    auto written = whole > 0 ? write_all(held.substr(0, whole), begin, true) : sdk::Result<void>();
    if (written && held.size() > whole)
        written = write_all(held.substr(whole), begin + static_cast<off_t>(whole), false);
    return written;
}

sdk::Result<void> FileWriter::write(std::string_view bytes, off_t at)
{
    if (at != end_) {
        if (auto flushed = flush(); !flushed)
            return flushed;
        block_.reset();
        run_ = 0;
        end_ = at;
    }
    while (!bytes.empty()) {
        std::size_t count = bytes.size();
        if (!block_ && !starts_direct()) {
            if (auto written = write_all(bytes, end_, false); !written)
                return written;
        } else if (const auto odd = static_cast<std::size_t>(end_) % alignment; filled_ == 0 && odd != 0) {
            count = std::min(count, alignment - odd);
            if (auto written = write_all(bytes.substr(0, count), end_, false); !written)
                return written;
        } else if (goes_as_it_lies(bytes)) {
            auto taken = write_as_it_lies(bytes);
            if (!taken)
                return std::move(taken).error();
            count = *taken;
        } else {
            count = std::min(count, block_size - filled_);
            std::memcpy(block_.get() + filled_, bytes.data(), count);
            filled_ += count;
        }
        bytes.remove_prefix(count);
        end_ += static_cast<off_t>(count);
        run_ += static_cast<off_t>(count);
        if (filled_ == block_size)
            if (auto flushed = flush(); !flushed)
                return flushed;
    }
    return {};
}

sdk::Result<void> FileWriter::finish()
{
    auto flushed = flush();
    return flushed && !set_direct(false) ? sdk::os_error("write a file") : flushed;
}

}  // namespace banger::tree
