// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/ext4_inode.hpp"

#include <ext2fs/ext2fs.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/images/ext4_checksum.hpp"
#include "core/images/ext4_content.hpp"
#include "core/images/ext4_xattr.hpp"
#include "core/images/raw_bytes.hpp"

namespace banger::images {
namespace {

static_assert(sizeof(ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE == 32, "xattr_room stands on this");

constexpr std::size_t entries_in_inode = 4;
// Header, entries of 12 bytes, checksum.
constexpr std::size_t entries_in_block = (block_bytes - sizeof(ext3_extent_header)) / sizeof(ext3_extent);

std::uint16_t type_bits(FileKind kind)
{
    switch (kind) {
        case FileKind::regular: return S_IFREG;
        case FileKind::directory: return S_IFDIR;
        case FileKind::symlink: return S_IFLNK;
        case FileKind::character_device: return S_IFCHR;
        case FileKind::block_device: return S_IFBLK;
        case FileKind::fifo: return S_IFIFO;
        case FileKind::socket: return S_IFSOCK;
    }
    return 0;
}

// 32 bits of seconds as signed, two more above them, and 30 of nanoseconds
// (kernel Documentation/filesystems/ext4/inodes.rst, "Inode Timestamps").
std::pair<std::uint32_t, std::uint32_t> encode_time(std::int64_t seconds, std::uint32_t nanoseconds)
{
    constexpr std::int64_t earliest = -0x80000000LL;
    constexpr std::int64_t latest = 0x37fffffffLL;
    seconds = std::clamp(seconds, earliest, latest);
    const auto low = static_cast<std::int32_t>(static_cast<std::uint32_t>(seconds));
    const auto epoch = static_cast<std::uint32_t>(((seconds - low) >> 32) & 3);
    return {static_cast<std::uint32_t>(low), std::min(nanoseconds, 999'999'999U) << 2U | epoch};
}

void encode_times(const Metadata& metadata, std::int64_t made, ext2_inode_large& inode)
{
    const auto [seconds, extra] = encode_time(metadata.mtime_seconds, metadata.mtime_nanoseconds);
    inode.i_mtime = inode.i_atime = inode.i_ctime = seconds;
    inode.i_mtime_extra = inode.i_atime_extra = inode.i_ctime_extra = extra;
    std::tie(inode.i_crtime, inode.i_crtime_extra) = encode_time(made, 0);
}

// Small numbers in the old form, others in the new one (fs/ext4/inode.c, ext4_do_update_inode).
void encode_device(const Inode& inode, ext2_inode_large& into)
{
    if (inode.major < 256 && inode.minor < 256)
        into.i_block[0] = inode.major << 8U | inode.minor;
    else
        into.i_block[1] = (inode.minor & 0xffU) | inode.major << 8U | (inode.minor & ~0xffU) << 12U;
}

ext3_extent_header header_of(std::size_t entries, std::size_t room, std::size_t depth)
{
    ext3_extent_header header{};
    header.eh_magic = EXT3_EXT_MAGIC;
    header.eh_entries = static_cast<std::uint16_t>(entries);
    header.eh_max = static_cast<std::uint16_t>(room);
    header.eh_depth = static_cast<std::uint16_t>(depth);
    return header;
}

static_assert(sizeof(ext3_extent) == sizeof(ext3_extent_idx), "a level of the tree is a string of either");

std::string leaves_of(const std::vector<Extent>& extents)
{
    std::string level;
    level.reserve(extents.size() * sizeof(ext3_extent));
    for (const auto& extent : extents) {
        ext3_extent entry{};
        entry.ee_block = extent.logical;
        entry.ee_len = static_cast<std::uint16_t>(extent.length);
        entry.ee_start = static_cast<std::uint32_t>(extent.physical);
        entry.ee_start_hi = static_cast<std::uint16_t>(extent.physical >> 32U);
        append_raw(level, entry);
    }
    return level;
}

std::string tree_block(std::string_view entries, std::size_t depth, std::uint32_t seed)
{
    std::string block(block_bytes, '\0');
    const auto header = header_of(entries.size() / sizeof(ext3_extent), entries_in_block, depth);
    std::memcpy(block.data(), &header, sizeof header);
    std::copy(entries.begin(), entries.end(), block.begin() + sizeof header);
    constexpr auto tail = sizeof header + entries_in_block * sizeof(ext3_extent);
    const auto checksum = crc32c(seed, std::string_view(block).substr(0, tail));
    std::memcpy(block.data() + tail, &checksum, sizeof checksum);
    return block;
}

}  // namespace

std::uint8_t directory_entry_type(FileKind kind)
{
    switch (kind) {
        case FileKind::regular: return EXT2_FT_REG_FILE;
        case FileKind::directory: return EXT2_FT_DIR;
        case FileKind::symlink: return EXT2_FT_SYMLINK;
        case FileKind::character_device: return EXT2_FT_CHRDEV;
        case FileKind::block_device: return EXT2_FT_BLKDEV;
        case FileKind::fifo: return EXT2_FT_FIFO;
        case FileKind::socket: return EXT2_FT_SOCK;
    }
    return EXT2_FT_UNKNOWN;
}

sdk::Result<std::uint64_t> InodeEncoder::take_block()
{
    const auto run = cursor_.take(1);
    if (!run)
        return disk_full(file_.path());
    append_extent(taken_, taken_.empty() ? 0 : taken_.back().logical + taken_.back().length, *run);
    return run->start;
}

sdk::Result<std::uint64_t> InodeEncoder::extent_tree(const Inode& inode, std::uint32_t number, char* root)
{
    const auto seed = inode_checksum_seed(seed_, number);
    auto level = leaves_of(inode.extents);
    std::size_t depth = 0;
    std::uint64_t blocks = 0;
    while (level.size() > entries_in_inode * sizeof(ext3_extent)) {
        std::string above;
        for (std::size_t at = 0; at < level.size(); at += entries_in_block * sizeof(ext3_extent)) {
            const auto part = std::string_view(level).substr(at, entries_in_block * sizeof(ext3_extent));
            auto place = take_block();
            if (!place)
                return place;
            if (auto written = file_.write(*place * block_bytes, tree_block(part, depth, seed)); !written)
                return std::move(written.error());
            ext3_extent_idx index{};
            std::memcpy(&index.ei_block, part.data(), sizeof index.ei_block);  // first field of both kinds of entry
            index.ei_leaf = static_cast<std::uint32_t>(*place);
            index.ei_leaf_hi = static_cast<std::uint16_t>(*place >> 32U);
            append_raw(above, index);
            ++blocks;
        }
        level = std::move(above);
        ++depth;
    }
    const auto header = header_of(level.size() / sizeof(ext3_extent), entries_in_inode, depth);
    std::memcpy(root, &header, sizeof header);
    std::copy(level.begin(), level.end(), root + sizeof header);
    return blocks;
}

sdk::Result<std::uint64_t> InodeEncoder::attributes(const Inode& inode, char* into)
{
    if (inode.metadata.xattrs.empty())
        return std::uint64_t{0};
    auto layout = lay_out_xattrs(inode.metadata.xattrs, xattr_room);
    if (!layout)
        return std::move(layout.error());
    std::copy(layout->in_inode.begin(), layout->in_inode.end(), into + sizeof(ext2_inode_large));
    if (layout->block.empty())
        return std::uint64_t{0};
    auto place = take_block();
    if (!place)
        return place;
    seal_xattr_block(layout->block, *place, seed_);
    if (auto written = file_.write(*place * block_bytes, layout->block); !written)
        return std::move(written.error());
    return place;
}

sdk::Result<void> InodeEncoder::encode(const Inode& inode, std::uint32_t number, const Extra& extra, char* into)
{
    ext2_inode_large disk{};
    const auto& metadata = inode.metadata;
    disk.i_mode = static_cast<std::uint16_t>(type_bits(inode.kind) | (metadata.mode & 07777U));
    disk.i_uid = static_cast<std::uint16_t>(metadata.uid);
    disk.osd2.linux2.l_i_uid_high = static_cast<std::uint16_t>(metadata.uid >> 16U);
    disk.i_gid = static_cast<std::uint16_t>(metadata.gid);
    disk.osd2.linux2.l_i_gid_high = static_cast<std::uint16_t>(metadata.gid >> 16U);
    disk.i_links_count = static_cast<std::uint16_t>(extra.links);
    disk.i_extra_isize = sizeof(ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE;
    encode_times(metadata, time_, disk);
    disk.i_size = static_cast<std::uint32_t>(inode.size);
    disk.i_size_high = static_cast<std::uint32_t>(inode.size >> 32U);

    std::uint64_t blocks = 0;
    for (const auto& extent : inode.extents)
        blocks += extent.length;
    const bool special = inode.kind == FileKind::character_device || inode.kind == FileKind::block_device;
    const bool in_inode = inode.kind == FileKind::symlink && inode.extents.empty();
    if (special) {
        encode_device(inode, disk);
    } else if (in_inode) {
        std::copy(inode.target.begin(), inode.target.end(), reinterpret_cast<char*>(disk.i_block));
    } else if (inode.kind != FileKind::fifo && inode.kind != FileKind::socket) {
        disk.i_flags = EXT4_EXTENTS_FL | (extra.indexed_directory ? EXT2_INDEX_FL : 0);
        auto tree = extent_tree(inode, number, reinterpret_cast<char*>(disk.i_block));
        if (!tree)
            return std::move(tree.error());
        blocks += *tree;
    }
    auto attribute_block = attributes(inode, into);
    if (!attribute_block)
        return std::move(attribute_block.error());
    if (*attribute_block != 0) {
        disk.i_file_acl = static_cast<std::uint32_t>(*attribute_block);
        disk.osd2.linux2.l_i_file_acl_high = static_cast<std::uint16_t>(*attribute_block >> 32U);
        ++blocks;
    }
    const auto sectors = blocks * (block_bytes / 512);
    disk.i_blocks = static_cast<std::uint32_t>(sectors);
    disk.osd2.linux2.l_i_blocks_hi = static_cast<std::uint16_t>(sectors >> 32U);

    std::memcpy(into, &disk, sizeof disk);
    const auto checksum = crc32c(inode_checksum_seed(seed_, number), {into, inode_bytes});
    disk.osd2.linux2.l_i_checksum_lo = static_cast<std::uint16_t>(checksum);
    disk.i_checksum_hi = static_cast<std::uint16_t>(checksum >> 16U);
    std::memcpy(into, &disk, sizeof disk);
    return {};
}

}  // namespace banger::images
