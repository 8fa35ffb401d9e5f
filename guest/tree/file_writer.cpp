// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/tree/file_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace banger::tree {
namespace {

constexpr off_t large = 8L << 20;
/// What direct input and output must be aligned to, in memory and in the file: a page, which no disk exceeds.
constexpr std::size_t alignment = 4096;
constexpr std::size_t block_size = 1UL << 20;

}  // namespace

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
    block_.reset(static_cast<char*>(std::aligned_alloc(alignment, block_size)));
    return block_ != nullptr;
}

sdk::Result<void> FileWriter::write_all(std::string_view bytes, off_t at, bool direct)
{
    if (!set_direct(direct && caching_ == Caching::below))
        return sdk::os_error("write a file");
    while (!bytes.empty()) {
        const ssize_t written = pwrite(file_, bytes.data(), bytes.size(), at);
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
        bytes.remove_prefix(static_cast<std::size_t>(written));
        at += written;
    }
    return {};
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
