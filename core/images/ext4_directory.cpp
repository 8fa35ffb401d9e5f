// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/ext4_directory.hpp"

#include <ext2fs/ext2fs.h>

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "core/images/ext4_checksum.hpp"
#include "core/images/ext4_geometry.hpp"

namespace banger::images {
namespace {

constexpr std::size_t header_bytes = 8;  // inode, record length, name length, type
constexpr std::size_t usable_bytes = block_bytes - sizeof(ext2_dir_entry_tail);
constexpr std::size_t slack_bytes = usable_bytes / 5;  // so that a full leaf does not split at the first new file
constexpr std::size_t dot_entries_bytes = 12 + 12;

constexpr std::size_t root_slots_at = dot_entries_bytes + sizeof(ext2_dx_root_info);
constexpr std::size_t node_slots_at = header_bytes;
constexpr std::size_t slots_from(std::size_t offset)
{
    return (block_bytes - offset - sizeof(ext2_dx_tail)) / sizeof(ext2_dx_entry);
}

constexpr std::size_t record_bytes(std::string_view name)
{
    return (header_bytes + name.size() + 3) / 4 * 4;
}

// Puts a record at `at`, `length` bytes long, which reach to the next one or to the end of the block.
void put_record(std::string& bytes, std::size_t at, std::size_t length, const DirectoryEntry& entry)
{
    const auto record_length = static_cast<std::uint16_t>(length);
    std::memcpy(bytes.data() + at, &entry.inode, sizeof entry.inode);
    std::memcpy(bytes.data() + at + 4, &record_length, sizeof record_length);
    bytes[at + 6] = static_cast<char>(entry.name.size());
    bytes[at + 7] = static_cast<char>(entry.type);
    std::copy(entry.name.begin(), entry.name.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at + header_bytes));
}

// A block of records, to be closed with its checksum when full.
class RecordBlock {
public:
    [[nodiscard]] bool fits(std::string_view name, std::size_t keep_free) const
    {
        return end_ == 0 || end_ + record_bytes(name) + keep_free <= usable_bytes;
    }
    void add(const DirectoryEntry& entry)
    {
        last_ = end_;
        put_record(bytes_, end_, record_bytes(entry.name), entry);
        end_ += record_bytes(entry.name);
    }
    std::string close(std::uint32_t seed)
    {
        const auto rest = static_cast<std::uint16_t>(usable_bytes - last_);
        std::memcpy(bytes_.data() + last_ + 4, &rest, sizeof rest);
        ext2_dir_entry_tail tail{};
        tail.det_rec_len = sizeof tail;
        tail.det_reserved_name_len = EXT2_DIR_NAME_LEN_CSUM;
        tail.det_checksum = crc32c(seed, std::string_view(bytes_).substr(0, usable_bytes));
        std::memcpy(bytes_.data() + usable_bytes, &tail, sizeof tail);
        end_ = last_ = 0;
        return std::exchange(bytes_, std::string(block_bytes, '\0'));
    }

private:
    std::string bytes_ = std::string(block_bytes, '\0');
    std::size_t end_ = 0;
    std::size_t last_ = 0;
};

// The slots of an index block: the first one's hash field holds limit and count instead.
void put_slots(std::string& block, std::size_t at, const std::vector<ext2_dx_entry>& slots, std::uint32_t seed)
{
    std::memcpy(block.data() + at, slots.data(), slots.size() * sizeof(ext2_dx_entry));
    ext2_dx_countlimit count{};
    count.limit = static_cast<std::uint16_t>(slots_from(at));
    count.count = static_cast<std::uint16_t>(slots.size());
    std::memcpy(block.data() + at, &count, sizeof count);

    const auto tail_at = at + slots_from(at) * sizeof(ext2_dx_entry);
    auto checksum = crc32c(seed, std::string_view(block).substr(0, at + slots.size() * sizeof(ext2_dx_entry)));
    checksum = crc32c(checksum, std::string_view("\0\0\0\0\0\0\0\0", sizeof(ext2_dx_tail)));
    ext2_dx_tail tail{};
    tail.dt_checksum = checksum;
    std::memcpy(block.data() + tail_at, &tail, sizeof tail);
}

}  // namespace

struct DirectoryBuilder::Hashed {
    std::uint32_t hash = 0;
    std::uint32_t minor = 0;
    const DirectoryEntry* entry = nullptr;
};

struct DirectoryBuilder::Leaves {
    std::string bytes;
    std::vector<std::uint32_t>
        hashes;  // the first in each leaf; its lowest bit says that the hash began in the leaf before
};

DirectoryBuilder::DirectoryBuilder(std::uint32_t file_system_seed, const std::array<std::uint8_t, 16>& hash_seed)
    : seed_(file_system_seed)
{
    std::memcpy(hash_seed_.data(), hash_seed.data(), hash_seed.size());
}

std::vector<DirectoryBuilder::Hashed> DirectoryBuilder::sorted(const std::vector<DirectoryEntry>& entries) const
{
    std::vector<Hashed> result;
    result.reserve(entries.size());
    for (const auto& entry : entries) {
        Hashed hashed{0, 0, &entry};
        ext2fs_dirhash(EXT2_HASH_HALF_MD4_UNSIGNED, entry.name.data(), static_cast<int>(entry.name.size()),
                       hash_seed_.data(), &hashed.hash, &hashed.minor);
        result.push_back(hashed);
    }
    std::sort(result.begin(), result.end(), [](const Hashed& a, const Hashed& b) {
        return std::tie(a.hash, a.minor, a.entry->name) < std::tie(b.hash, b.minor, b.entry->name);
    });
    return result;
}

DirectoryBuilder::Leaves DirectoryBuilder::fill_leaves(const std::vector<Hashed>& entries, std::uint32_t seed)
{
    Leaves leaves;
    RecordBlock block;
    const Hashed* before = nullptr;
    for (const auto& hashed : entries) {
        const bool starts = before == nullptr || !block.fits(hashed.entry->name, slack_bytes);
        if (starts && before != nullptr)
            leaves.bytes += block.close(seed);
        if (starts)
            leaves.hashes.push_back(hashed.hash | (before != nullptr && before->hash == hashed.hash ? 1U : 0U));
        block.add(*hashed.entry);
        before = &hashed;
    }
    leaves.bytes += block.close(seed);
    return leaves;
}

std::string DirectoryBuilder::index(const Leaves& leaves, std::uint32_t self, std::uint32_t parent, std::uint32_t seed,
                                    std::string& nodes)
{
    std::vector<ext2_dx_entry> slots;
    for (std::size_t leaf = 0; leaf < leaves.hashes.size(); ++leaf)
        slots.push_back({leaves.hashes[leaf], static_cast<std::uint32_t>(leaf + 1)});

    const bool two_levels = slots.size() > slots_from(root_slots_at);
    if (two_levels) {
        std::vector<ext2_dx_entry> above;
        constexpr auto room = slots_from(node_slots_at);
        for (std::size_t at = 0; at < slots.size(); at += room) {
            const std::vector<ext2_dx_entry> part(
                slots.begin() + static_cast<std::ptrdiff_t>(at),
                slots.begin() + static_cast<std::ptrdiff_t>(std::min(at + room, slots.size())));
            std::string node(block_bytes, '\0');
            put_record(node, 0, block_bytes, {});
            above.push_back({part.front().hash, static_cast<std::uint32_t>(1 + slots.size() + above.size())});
            put_slots(node, node_slots_at, part, seed);
            nodes += node;
        }
        slots = std::move(above);
    }
    std::string root(block_bytes, '\0');
    put_record(root, 0, 12, {".", self, EXT2_FT_DIR});
    put_record(root, 12, block_bytes - 12, {"..", parent, EXT2_FT_DIR});
    ext2_dx_root_info info{};
    info.hash_version = EXT2_HASH_HALF_MD4;
    info.info_length = sizeof info;
    info.indirect_levels = two_levels ? 1 : 0;
    std::memcpy(root.data() + dot_entries_bytes, &info, sizeof info);
    put_slots(root, root_slots_at, slots, seed);
    return root;
}

sdk::Result<DirectoryBlocks> DirectoryBuilder::build(std::uint32_t self, std::uint32_t parent,
                                                     const std::vector<DirectoryEntry>& entries) const
{
    const auto seed = inode_checksum_seed(seed_, self);
    std::size_t bytes = dot_entries_bytes;
    for (const auto& entry : entries)
        bytes += record_bytes(entry.name);
    if (bytes <= usable_bytes) {
        RecordBlock block;
        block.add({".", self, EXT2_FT_DIR});
        block.add({"..", parent, EXT2_FT_DIR});
        for (const auto& entry : entries)
            block.add(entry);
        return DirectoryBlocks{block.close(seed), false};
    }
    const auto leaves = fill_leaves(sorted(entries), seed);
    if (leaves.hashes.size() > slots_from(root_slots_at) * slots_from(node_slots_at))
        return sdk::make_error(sdk::Code::unsupported, "a directory has too many entries for ext4's hash tree");
    std::string nodes;
    auto root = index(leaves, self, parent, seed, nodes);
    return DirectoryBlocks{std::move(root) + leaves.bytes + nodes, true};
}

}  // namespace banger::images
