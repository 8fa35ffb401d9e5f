// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/ext4_geometry.hpp"

#include <algorithm>
#include <initializer_list>

namespace banger::images {
namespace {

constexpr std::uint64_t group_bytes = std::uint64_t{blocks_per_group} * block_bytes;
constexpr std::uint32_t descriptors_per_block = block_bytes / 64;
constexpr std::uint32_t inodes_per_block = block_bytes / inode_bytes;
constexpr std::uint64_t free_blocks_left = 256;  // 1 MiB: the first boot writes before it grows the file system
constexpr std::uint64_t size_step = 256;         // whole MiB, which every disk format and sector size can hold
constexpr std::uint64_t min_last_group = 64;     // libext2fs drops a last group with fewer than 50 blocks of its own

// The resize inode is one block of 32-bit pointers, each to one reserved descriptor block.
constexpr std::uint32_t max_descriptor_area = block_bytes / 4;

}  // namespace

sdk::Result<Geometry> Geometry::make(std::uint64_t grow_to_bytes, std::uint32_t bytes_per_inode)
{
    const auto groups = grow_to_bytes / group_bytes + 1;
    const auto area = (groups + descriptors_per_block - 1) / descriptors_per_block + 1;  // one always stays reserved
    if (area > max_descriptor_area)
        return sdk::make_error(sdk::Code::invalid, "an ext4 file system cannot be prepared to grow to " +
                                                       std::to_string(grow_to_bytes) + " bytes");
    if (bytes_per_inode < block_bytes || bytes_per_inode > group_bytes / inodes_per_block)
        return sdk::make_error(sdk::Code::invalid, "an ext4 file system cannot have one inode for every " +
                                                       std::to_string(bytes_per_inode) + " bytes");
    auto inodes = static_cast<std::uint32_t>(group_bytes / bytes_per_inode);
    inodes -= inodes % inodes_per_block;
    return Geometry(static_cast<std::uint32_t>(area), inodes);
}

bool Geometry::has_superblock(std::uint64_t group)
{
    if (group <= 1)
        return true;
    for (const std::uint64_t base : {3U, 5U, 7U}) {
        auto power = base;
        while (power < group)
            power *= base;
        if (power == group)
            return true;
    }
    return false;
}

std::uint32_t Geometry::descriptor_blocks(std::uint64_t groups) const
{
    return static_cast<std::uint32_t>((groups + descriptors_per_block - 1) / descriptors_per_block);
}

std::uint64_t Geometry::block_bitmap(std::uint64_t group) const
{
    return group * blocks_per_group + (has_superblock(group) ? 1 + descriptor_area_ : 0);
}

Geometry::Size Geometry::smallest(std::uint64_t end, std::uint64_t inodes) const
{
    const auto up = [](std::uint64_t value, std::uint64_t step) { return (value + step - 1) / step * step; };
    const auto spare_inodes = inodes_per_block + inodes / inodes_per_block;

    auto blocks = up(end + free_blocks_left, size_step);
    const auto groups = std::max(up(blocks, blocks_per_group) / blocks_per_group,
                                 up(inodes + spare_inodes, inodes_per_group_) / inodes_per_group_);
    blocks = std::max(blocks, up(first_data_block(groups - 1) + min_last_group, size_step));
    return {blocks, groups};
}

std::optional<BlockRun> BlockCursor::take(std::uint64_t wanted)
{
    const auto group = next_ / blocks_per_group;
    next_ = std::max(next_, geometry_.first_data_block(group));
    if (wanted == 0 || next_ >= limit_)
        return std::nullopt;
    const auto group_end = std::min((group + 1) * blocks_per_group, limit_);
    const BlockRun run{next_, static_cast<std::uint32_t>(std::min(wanted, group_end - next_))};
    next_ += run.count;
    return run;
}

}  // namespace banger::images
