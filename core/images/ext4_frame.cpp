// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <ext2fs/ext2fs.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "core/images/ext4_state.hpp"

namespace banger::images {
namespace {

struct FreeFileSystem {
    void operator()(struct_ext2_filsys* file_system) const { ext2fs_free(file_system); }
};
using FileSystem = std::unique_ptr<struct_ext2_filsys, FreeFileSystem>;

constexpr errcode_t last_errno = 4096;  // libext2fs passes errno through beside its own codes

sdk::Error library_error(const std::string& what, errcode_t code)
{
    if (code > 0 && code < last_errno)
        return sdk::os_error(what, static_cast<int>(code));
    return sdk::make_error(sdk::Code::internal, "cannot " + what + ": " + error_message(code));
}

ext2_super_block parameters_of(const Ext4Writer::State& state, const Geometry::Size& size)
{
    ext2_super_block want{};
    ext2fs_blocks_count_set(&want, size.blocks);
    want.s_log_block_size = 2;  // 1024 << 2
    want.s_log_cluster_size = 2;
    want.s_rev_level = EXT2_DYNAMIC_REV;
    want.s_inode_size = inode_bytes;
    want.s_blocks_per_group = blocks_per_group;
    want.s_inodes_count = static_cast<std::uint32_t>(size.groups * state.geometry.inodes_per_group());
    want.s_reserved_gdt_blocks =
        static_cast<std::uint16_t>(state.geometry.descriptor_area() - state.geometry.descriptor_blocks(size.groups));
    want.s_max_mnt_count = -1;  // never checked by count
    want.s_errors = EXT2_ERRORS_CONTINUE;
    want.s_default_mount_opts = EXT2_DEFM_XATTR_USER | EXT2_DEFM_ACL;
    want.s_feature_compat = EXT2_FEATURE_COMPAT_EXT_ATTR | EXT2_FEATURE_COMPAT_RESIZE_INODE |
                            EXT2_FEATURE_COMPAT_DIR_INDEX |
                            (state.journal.empty() ? 0 : EXT3_FEATURE_COMPAT_HAS_JOURNAL);
    want.s_feature_incompat =
        EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_64BIT;
    want.s_feature_ro_compat = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
                               EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
                               EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
    return want;
}

// libext2fs fills some fields from the clock and the compiler (signedness of char); all are set here again.
void identify(ext2_filsys file_system, const Ext4Options& options)
{
    auto& super = *file_system->super;
    file_system->now = static_cast<time_t>(options.time);
    super.s_mkfs_time = super.s_lastcheck = static_cast<std::uint32_t>(options.time);
    super.s_mkfs_time_hi = super.s_lastcheck_hi = static_cast<std::uint8_t>(options.time >> 32U);
    super.s_flags = EXT2_FLAGS_UNSIGNED_HASH;
    super.s_def_hash_version = EXT2_HASH_HALF_MD4;
    super.s_checksum_type = EXT2_CRC32C_CHKSUM;
    std::memcpy(super.s_uuid, options.uuid.data(), options.uuid.size());
    std::memcpy(super.s_hash_seed, options.hash_seed.data(), options.hash_seed.size());
    std::memcpy(super.s_volume_name, options.label.data(), std::min(options.label.size(), sizeof super.s_volume_name));
    ext2fs_init_csum_seed(file_system);
}

sdk::Result<FileSystem> initialize(const Ext4Writer::State& state, const Geometry::Size& size)
{
    auto want = parameters_of(state, size);
    ext2_filsys raw = nullptr;
    // The descriptor and not the path: nobody can put another file there in between.
    const auto self = "/proc/self/fd/" + std::to_string(state.file.fd());
    if (const auto code = ext2fs_initialize(self.c_str(), EXT2_FLAG_64BITS, &want, unix_io_manager, &raw))
        return library_error("set up a file system in " + state.file.path(), code);
    FileSystem file_system(raw);
    auto& super = *file_system->super;
    if (ext2fs_blocks_count(&super) != size.blocks || file_system->group_desc_count != size.groups ||
        super.s_inodes_per_group != state.geometry.inodes_per_group() ||
        super.s_reserved_gdt_blocks != want.s_reserved_gdt_blocks)
        return sdk::make_error(sdk::Code::internal, "libext2fs lays out " + state.file.path() + " in another way");
    identify(file_system.get(), state.options);
    return file_system;
}

// libext2fs begins with a tree of runs, which takes fifty bytes for each; and runs can be as many as files.
errcode_t flatten_block_bitmap(ext2_filsys file_system)
{
    file_system->default_bitmap_type = EXT2FS_BMAP64_BITARRAY;
    ext2fs_block_bitmap flat = nullptr;
    if (const auto code = ext2fs_allocate_block_bitmap(file_system, "block bitmap", &flat))
        return code;
    const auto last = ext2fs_blocks_count(file_system->super) - 1;
    blk64_t at = file_system->super->s_first_data_block;
    while (at <= last && ext2fs_find_first_set_block_bitmap2(file_system->block_map, at, last, &at) == 0) {
        auto end = last + 1;
        if (ext2fs_find_first_zero_block_bitmap2(file_system->block_map, at, last, &end) != 0)
            end = last + 1;
        ext2fs_mark_block_bitmap_range2(flat, at, static_cast<unsigned>(end - at));
        at = end;
    }
    ext2fs_free_block_bitmap(file_system->block_map);
    file_system->block_map = flat;
    return 0;
}

void place_group_metadata(ext2_filsys file_system, const Geometry& geometry)
{
    for (dgrp_t group = 0; group < file_system->group_desc_count; ++group) {
        ext2fs_block_bitmap_loc_set(file_system, group, geometry.block_bitmap(group));
        ext2fs_inode_bitmap_loc_set(file_system, group, geometry.inode_bitmap(group));
        ext2fs_inode_table_loc_set(file_system, group, geometry.inode_table(group));
        // Their free counts leave these blocks out already.
        ext2fs_mark_block_bitmap_range2(file_system->block_map, geometry.block_bitmap(group),
                                        2 + geometry.inode_table_blocks());
        ext2fs_bg_flags_clear(file_system, group, EXT2_BG_BLOCK_UNINIT);
        ext2fs_bg_flags_set(file_system, group, EXT2_BG_INODE_ZEROED);  // holes of the file
        ext2fs_group_desc_csum_set(file_system, group);
    }
}

void mark_blocks(ext2_filsys file_system, const std::vector<bool>& used)
{
    for (auto at = std::find(used.begin(), used.end(), true); at != used.end();) {
        const auto end = std::find(at, used.end(), false);
        ext2fs_block_alloc_stats_range(file_system, static_cast<blk64_t>(at - used.begin()),
                                       static_cast<blk_t>(end - at), +1);
        at = std::find(end, used.end(), true);
    }
}

void mark_inodes(ext2_filsys file_system, const std::vector<bool>& directories)
{
    for (std::uint32_t number = 1; number < first_free_inode; ++number)
        ext2fs_inode_alloc_stats2(file_system, number, +1, number == root_inode ? 1 : 0);
    for (std::size_t at = 0; at < directories.size(); ++at)
        ext2fs_inode_alloc_stats2(file_system, first_free_inode + static_cast<std::uint32_t>(at), +1,
                                  directories[at] ? 1 : 0);
}

// The superblock keeps a copy of the journal inode's block map, for e2fsck when that inode is lost.
errcode_t back_up_journal_map(ext2_filsys file_system)
{
    auto& super = *file_system->super;
    ext2_inode inode{};
    if (const auto code = ext2fs_read_inode(file_system, journal_inode, &inode))
        return code;
    super.s_journal_inum = journal_inode;
    super.s_jnl_backup_type = EXT3_JNL_BACKUP_BLOCKS;
    std::memcpy(super.s_jnl_blocks, inode.i_block, sizeof inode.i_block);
    super.s_jnl_blocks[15] = inode.i_size_high;
    super.s_jnl_blocks[16] = inode.i_size;
    return 0;
}

sdk::Result<void> write_journal(ext2_filsys file_system, const Ext4Writer::State& state)
{
    if (state.journal.empty())
        return {};
    std::uint64_t blocks = 0;
    for (const auto& extent : state.journal)
        blocks += extent.length;
    char* superblock = nullptr;
    if (const auto code =
            ext2fs_create_journal_superblock(file_system, static_cast<std::uint32_t>(blocks), 0, &superblock))
        return library_error("make the journal of " + state.file.path(), code);
    auto code = io_channel_write_blk64(file_system->io, state.journal.front().physical, 1, superblock);
    ext2fs_free_mem(&superblock);
    if (code == 0)
        code = back_up_journal_map(file_system);
    if (code != 0)
        return library_error("write the journal of " + state.file.path(), code);
    return {};
}

}  // namespace

sdk::Result<Ext4Summary> write_file_system_frame(const Ext4Writer::State& state, const Ext4Usage& usage)
{
    auto made = initialize(state, usage.size);
    if (!made)
        return std::move(made.error());
    auto* file_system = made->get();
    if (const auto code = flatten_block_bitmap(file_system))
        return library_error("set up a bitmap of " + state.file.path(), code);
    place_group_metadata(file_system, state.geometry);
    mark_blocks(file_system, usage.blocks);
    mark_inodes(file_system, usage.directories);
    if (auto written = write_journal(file_system, state); !written)
        return std::move(written.error());
    if (const auto code = ext2fs_create_resize_inode(file_system))
        return library_error("reserve room for growth in " + state.file.path(), code);
    auto& super = *file_system->super;
    const Ext4Summary summary{usage.size.blocks * block_bytes,
                              (usage.size.blocks - ext2fs_free_blocks_count(&super)) * block_bytes, usage.size.blocks,
                              super.s_inodes_count, usage.directories.size()};
    // No sync here: one at the end covers these blocks and all data.
    if (const auto code = ext2fs_close2(file_system, EXT2_FLAG_FLUSH_NO_SYNC))
        return library_error("write the superblock of " + state.file.path(), code);
    (void)made->release();
    return summary;
}

}  // namespace banger::images
