// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/ext4_block_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/images/ext4_geometry.hpp"

namespace banger::images {
namespace {

constexpr std::size_t gather_bytes = 1U << 20;
constexpr std::size_t direct_bytes = 128U << 10;        // from here on copying costs more than one more system call
constexpr std::uint64_t writeback_bytes = 16ULL << 20;  // the disk works while we do, and the last sync finds little
constexpr std::array<char, block_bytes> zero_block{};
// Punching a hole waits until what was written there is on the disk, some milliseconds for each; zeros wait for nothing.
constexpr std::uint64_t hole_bytes = 64U << 10;

}  // namespace

BlockFile::BlockFile(sdk::os::UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path))
{
    pending_.reserve(gather_bytes);
}

sdk::Result<void> BlockFile::write_out(std::uint64_t offset, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto done = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return sdk::os_error("write " + path_);
        bytes.remove_prefix(static_cast<std::size_t>(done));
        offset += static_cast<std::uint64_t>(done);
    }
    if (offset >= writeback_started_ + writeback_bytes) {
        // Best effort: without it the final sync takes longer, nothing else.
        (void)::sync_file_range(fd_.get(), static_cast<off_t>(writeback_started_),
                                static_cast<off_t>(offset - writeback_started_), SYNC_FILE_RANGE_WRITE);
        writeback_started_ = offset;
    }
    return {};
}

sdk::Result<void> BlockFile::flush()
{
    if (pending_.empty())
        return {};
    auto result = write_out(pending_offset_, pending_);
    pending_.clear();
    return result;
}

sdk::Result<void> BlockFile::write(std::uint64_t offset, std::string_view bytes)
{
    const bool follows = !pending_.empty() && pending_offset_ + pending_.size() == offset;
    if (!follows || pending_.size() + bytes.size() > gather_bytes || bytes.size() >= direct_bytes) {
        if (auto flushed = flush(); !flushed)
            return flushed;
        if (bytes.size() >= direct_bytes)
            return write_out(offset, bytes);
        pending_offset_ = offset;
    }
    pending_.append(bytes);
    return {};
}

sdk::Result<void> BlockFile::zeros(std::uint64_t offset, std::uint64_t length)
{
    while (length > 0) {
        const auto part = std::min<std::uint64_t>(length, zero_block.size());
        if (auto written = write(offset, {zero_block.data(), static_cast<std::size_t>(part)}); !written)
            return written;
        offset += part;
        length -= part;
    }
    return {};
}

sdk::Result<void> BlockFile::read(std::uint64_t offset, char* into, std::size_t length)
{
    if (auto flushed = flush(); !flushed)
        return flushed;
    while (length > 0) {
        const auto done = ::pread(fd_.get(), into, length, static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return sdk::os_error("read " + path_);
        if (done == 0) {
            std::memset(into, 0, length);
            break;
        }
        into += done;
        length -= static_cast<std::size_t>(done);
        offset += static_cast<std::uint64_t>(done);
    }
    return {};
}

sdk::Result<void> BlockFile::discard(const std::vector<Extent>& extents)
{
    for (const auto& extent : extents) {
        const auto offset = extent.physical * block_bytes;
        const auto length = std::uint64_t{extent.length} * block_bytes;
        if (auto flushed = flush(); !flushed)
            return flushed;
        if (length >= hole_bytes &&
            ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                        static_cast<off_t>(length)) == 0)
            continue;
        if (length >= hole_bytes && errno != EOPNOTSUPP && errno != ENOSYS)
            return sdk::os_error("release space in " + path_);
        if (auto cleared = zeros(offset, length); !cleared)
            return cleared;
    }
    return {};
}

}  // namespace banger::images
