// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/images/ext4_block_file.hpp"
#include "core/images/ext4_geometry.hpp"
#include "core/images/ext4_tree.hpp"
#include "core/images/ext4_writer.hpp"
#include "core/images/page_cache.hpp"

namespace banger::images {

struct Ext4Writer::State {
    State(Ext4Options given, const Geometry& shape, sdk::os::UniqueFd fd, const std::string& path);

    [[nodiscard]] sdk::Result<void> check_cancelled() const;

    Ext4Options options;
    Geometry geometry;
    BlockFile file;
    BlockCursor cursor;
    PageCache pages;
    Ext4Tree tree;
    std::vector<Extent> journal;
    bool finished = false;
};

/// Numbers all inodes, writes everything that is not file data, and cuts the file to its length.
sdk::Result<Ext4Summary> finish_ext4(Ext4Writer::State& state);

/// What finish_ext4 hands to libext2fs: which blocks and inodes are in use.
struct Ext4Usage {
    std::vector<bool> blocks;       ///< for each up to the last: did the cursor give it, and does a living inode hold it
    std::vector<bool> directories;  ///< for each inode from first_free_inode on: is it a directory
    Geometry::Size size;
};

/// Writes superblocks, descriptors, bitmaps and the resize inode with libext2fs. The inode tables are on disk.
sdk::Result<Ext4Summary> write_file_system_frame(const Ext4Writer::State& state, const Ext4Usage& usage);

}  // namespace banger::images
