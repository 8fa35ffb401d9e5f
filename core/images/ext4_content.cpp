// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/ext4_content.hpp"

#include <algorithm>

namespace banger::images {
namespace {

constexpr std::uint32_t max_extent_blocks = 32768;  // longer ones are marked as unwritten; ext4 on-disk format

}  // namespace

sdk::Error disk_full(const std::string& path)
{
    return sdk::make_error(sdk::Code::unsupported, "the content does not fit into '" + path + "' at the size it may have");
}

void append_extent(std::vector<Extent>& extents, std::uint64_t logical, const BlockRun& run)
{
    if (!extents.empty()) {
        auto& last = extents.back();
        if (last.logical + last.length == logical && last.physical + last.length == run.start &&
            last.length + run.count <= max_extent_blocks) {
            last.length += run.count;
            return;
        }
    }
    extents.push_back({static_cast<std::uint32_t>(logical), run.count, run.start});
}

sdk::Result<std::vector<Extent>> allocate(BlockCursor& cursor, std::uint64_t blocks, const std::string& path)
{
    std::vector<Extent> extents;
    for (std::uint64_t logical = 0; logical < blocks;) {
        const auto run = cursor.take(blocks - logical);
        if (!run)
            return disk_full(path);
        append_extent(extents, logical, *run);
        logical += run->count;
    }
    return extents;
}

sdk::Result<void> ContentWriter::open_blocks(std::uint64_t first, std::uint64_t count)
{
    const auto run = cursor_.take(count);
    if (!run)
        return disk_full(file_.path());
    append_extent(extents_, first, *run);
    allocated_ = (first + run->count) * block_bytes;
    position_ = first * block_bytes;
    disk_ = run->start * block_bytes;
    return {};
}

sdk::Result<void> ContentWriter::put(const DataRun& run)
{
    auto bytes = run.bytes;
    auto offset = run.offset;
    while (!bytes.empty()) {
        if (offset >= allocated_) {
            if (auto ended = finish(); !ended)
                return ended;
            const auto first = offset / block_bytes;
            if (auto opened = open_blocks(first, blocks_for(offset + bytes.size()) - first); !opened)
                return opened;
        }
        if (auto cleared = file_.zeros(disk_, offset - position_); !cleared)
            return cleared;
        disk_ += offset - position_;
        const auto part =
            bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), allocated_ - offset)));
        if (auto written = file_.write(disk_, part); !written)
            return written;
        bytes.remove_prefix(part.size());
        offset += part.size();
        disk_ += part.size();
        position_ = offset;
    }
    return {};
}

sdk::Result<void> ContentWriter::finish()
{
    const auto rest = allocated_ - position_;
    if (auto cleared = file_.zeros(disk_, rest); !cleared)
        return cleared;
    position_ = allocated_;
    disk_ += rest;
    return {};
}

}  // namespace banger::images
