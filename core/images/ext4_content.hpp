// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/images/ext4_block_file.hpp"
#include "core/images/ext4_geometry.hpp"
#include "core/images/inode_table.hpp"

namespace banger::images {

/// Takes the runs of one file: allocates blocks where data is, leaves holes where none is, notes the extents.
class ContentWriter {
public:
    ContentWriter(BlockFile& file, BlockCursor& cursor, std::vector<Extent>& extents)
        : file_(file), cursor_(cursor), extents_(extents)
    {
    }

    /// `run.offset` is at or behind the end of the run before.
    sdk::Result<void> put(const DataRun& run);
    /// Fills the last block with zeros.
    sdk::Result<void> finish();

private:
    sdk::Result<void> open_blocks(std::uint64_t first, std::uint64_t count);

    BlockFile& file_;
    BlockCursor& cursor_;
    std::vector<Extent>& extents_;
    std::uint64_t position_ = 0;   // in the file: end of what was written, zeros included
    std::uint64_t allocated_ = 0;  // in the file: end of the last block that has a place
    std::uint64_t disk_ = 0;       // on the disk: where position_ is
};

/// Blocks for something that is kept free (the journal), as extents from 0.
sdk::Result<std::vector<Extent>> allocate(BlockCursor& cursor, std::uint64_t blocks, const std::string& path);
/// The error for a file system that would exceed its limit.
sdk::Error disk_full(const std::string& path);
/// Adds blocks to the list, lengthening the last extent where they continue it.
void append_extent(std::vector<Extent>& extents, std::uint64_t logical, const BlockRun& run);

}  // namespace banger::images
