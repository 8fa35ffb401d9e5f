// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"
#include "core/images/ext4_block_file.hpp"
#include "core/images/ext4_geometry.hpp"
#include "core/images/inode_table.hpp"

namespace banger::images {

/// What an inode has behind its fixed fields for extended attributes.
inline constexpr std::size_t xattr_room = inode_bytes - 128 - 32;
/// A symbolic link shorter than this lies in the inode, a longer one in a block.
inline constexpr std::size_t inline_target_bytes = 60;

/// The entry type that a directory notes for a kind of file.
std::uint8_t directory_entry_type(FileKind kind);

/// Writes the blocks that belong to single inodes (extent trees, attribute blocks) and makes the inodes' 256 bytes.
class InodeEncoder {
public:
    /// `taken` collects every block that it allocates.
    InodeEncoder(BlockFile& file, BlockCursor& cursor, std::uint32_t seed, std::int64_t time,
                 std::vector<Extent>& taken)
        : file_(file), cursor_(cursor), seed_(seed), time_(time), taken_(taken)
    {
    }

    struct Extra {
        std::uint32_t links = 1;
        bool indexed_directory = false;
    };
    /// `into` is 256 zero bytes; `number` the inode's.
    sdk::Result<void> encode(const Inode& inode, std::uint32_t number, const Extra& extra, char* into);

private:
    sdk::Result<std::uint64_t> attributes(const Inode& inode, char* into);
    sdk::Result<std::uint64_t> extent_tree(const Inode& inode, std::uint32_t number, char* root);
    sdk::Result<std::uint64_t> take_block();

    BlockFile& file_;
    BlockCursor& cursor_;
    std::uint32_t seed_;
    std::int64_t time_;
    std::vector<Extent>& taken_;
};

}  // namespace banger::images
