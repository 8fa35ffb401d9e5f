// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "banger/sdk/result.hpp"

namespace banger::images {

inline constexpr std::uint32_t block_bytes = 4096;
inline constexpr std::uint32_t blocks_per_group = 8 * block_bytes;  ///< as many as one bitmap block describes: 128 MiB
inline constexpr std::uint32_t inode_bytes = 256;
inline constexpr std::uint32_t root_inode = 2;
inline constexpr std::uint32_t journal_inode = 8;
inline constexpr std::uint32_t first_free_inode = 11;
inline constexpr std::uint64_t max_file_blocks = 0xffffffffULL;  ///< logical block numbers have 32 bits

/// How many blocks of 4096 bytes hold so many bytes.
constexpr std::uint64_t blocks_for(std::uint64_t bytes)
{
    return bytes / block_bytes + (bytes % block_bytes != 0 ? 1 : 0);
}

/// Where each block group keeps its own metadata, known before the number of groups is.
///
/// Without flex_bg a group starts with (in group 0, 1 and powers of 3, 5 and 7) a superblock copy and the descriptor
/// area, then its two bitmaps and its inode table. The descriptor area has a fixed length: what the descriptors do
/// not need is reserved for growth (resize_inode). So data can be placed while the size is open, and the file system
/// is cut behind the last group in use. Source: kernel Documentation/filesystems/ext4/blockgroup.rst.
class Geometry {
public:
    static sdk::Result<Geometry> make(std::uint64_t grow_to_bytes, std::uint32_t bytes_per_inode);

    [[nodiscard]] static bool has_superblock(std::uint64_t group);
    [[nodiscard]] std::uint32_t inodes_per_group() const { return inodes_per_group_; }
    [[nodiscard]] std::uint32_t descriptor_area() const { return descriptor_area_; }
    [[nodiscard]] std::uint32_t descriptor_blocks(std::uint64_t groups) const;

    [[nodiscard]] std::uint64_t block_bitmap(std::uint64_t group) const;
    [[nodiscard]] std::uint64_t inode_bitmap(std::uint64_t group) const { return block_bitmap(group) + 1; }
    [[nodiscard]] std::uint64_t inode_table(std::uint64_t group) const { return block_bitmap(group) + 2; }
    [[nodiscard]] std::uint32_t inode_table_blocks() const { return inodes_per_group_ * inode_bytes / block_bytes; }
    [[nodiscard]] std::uint64_t first_data_block(std::uint64_t group) const
    {
        return inode_table(group) + inode_table_blocks();
    }

    struct Size {
        std::uint64_t blocks = 0;
        std::uint64_t groups = 0;
    };
    /// No file system of at most so many blocks has more inodes.
    [[nodiscard]] std::uint64_t most_inodes(std::uint64_t blocks) const
    {
        return (blocks / blocks_per_group + 1) * inodes_per_group_;
    }
    /// The smallest legal file system with all blocks below `end`, so many inodes, and a little free space.
    [[nodiscard]] Size smallest(std::uint64_t end, std::uint64_t inodes) const;

private:
    Geometry(std::uint32_t descriptor_area, std::uint32_t inodes_per_group)
        : descriptor_area_(descriptor_area), inodes_per_group_(inodes_per_group)
    {
    }

    std::uint32_t descriptor_area_;
    std::uint32_t inodes_per_group_;
};

struct BlockRun {
    std::uint64_t start = 0;
    std::uint32_t count = 0;
};

/// Hands out data blocks in ascending order, stepping over the metadata of each group.
class BlockCursor {
public:
    BlockCursor(const Geometry& geometry, std::uint64_t limit)
        : geometry_(geometry), limit_(limit), next_(geometry.first_data_block(0))
    {
    }

    /// Up to `wanted` blocks that lie together; nothing when the limit is reached.
    std::optional<BlockRun> take(std::uint64_t wanted);
    /// One behind the last block given.
    [[nodiscard]] std::uint64_t end() const { return next_; }

private:
    Geometry geometry_;
    std::uint64_t limit_;
    std::uint64_t next_;
};

}  // namespace banger::images
