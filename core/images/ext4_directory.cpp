// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/ext4_directory.hpp"

#include <ext2fs/ext2fs.h>

#include <algorithm>
#include <cstring>
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

constexpr std::size_t record_bytes(std::size_t name_bytes)
{
    return (header_bytes + name_bytes + 3) / 4 * 4;
}

// Whether a block that is filled up to `end` takes such a record. The first one it always takes.
constexpr bool fits(std::size_t end, std::size_t name_bytes, std::size_t keep_free)
{
    return end == 0 || end + record_bytes(name_bytes) + keep_free <= usable_bytes;
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

// A block of records, to be closed with its checksum when full.
class DirectoryWriter::RecordBlock {
public:
    [[nodiscard]] std::size_t end() const { return end_; }
    void add(const DirectoryEntry& entry)
    {
        last_ = end_;
        put_record(bytes_, end_, record_bytes(entry.name.size()), entry);
        end_ += record_bytes(entry.name.size());
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

DirectoryWriter::DirectoryWriter(std::uint32_t file_system_seed, std::uint32_t self, std::uint32_t parent, Sink sink)
    : seed_(inode_checksum_seed(file_system_seed, self)),
      self_(self),
      parent_(parent),
      sink_(std::move(sink)),
      plain_bytes_(dot_entries_bytes),
      block_(std::make_unique<RecordBlock>())
{
}

DirectoryWriter::~DirectoryWriter() = default;

void DirectoryWriter::plan(std::uint32_t hash, std::size_t name_bytes)
{
    plain_bytes_ += record_bytes(name_bytes);
    if (hashes_.empty() || !fits(leaf_end_, name_bytes, slack_bytes)) {
        hashes_.push_back(hash | (!hashes_.empty() && last_hash_ == hash ? 1U : 0U));
        leaf_end_ = 0;
    }
    leaf_end_ += record_bytes(name_bytes);
    last_hash_ = hash;
}

// The root of the tree; the level below it, if there is one, waits in nodes_.
std::string DirectoryWriter::index()
{
    std::vector<ext2_dx_entry> slots;
    slots.reserve(hashes_.size());
    for (std::size_t leaf = 0; leaf < hashes_.size(); ++leaf)
        slots.push_back({hashes_[leaf], static_cast<std::uint32_t>(leaf + 1)});

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
            put_slots(node, node_slots_at, part, seed_);
            nodes_.push_back(std::move(node));
        }
        slots = std::move(above);
    }
    std::string root(block_bytes, '\0');
    put_record(root, 0, 12, {".", self_, EXT2_FT_DIR});
    put_record(root, 12, block_bytes - 12, {"..", parent_, EXT2_FT_DIR});
    ext2_dx_root_info info{};
    info.hash_version = EXT2_HASH_HALF_MD4;
    info.info_length = sizeof info;
    info.indirect_levels = two_levels ? 1 : 0;
    std::memcpy(root.data() + dot_entries_bytes, &info, sizeof info);
    put_slots(root, root_slots_at, slots, seed_);
    return root;
}

sdk::Result<void> DirectoryWriter::begin()
{
    indexed_ = plain_bytes_ > usable_bytes;
    if (!indexed_) {
        block_->add({".", self_, EXT2_FT_DIR});
        block_->add({"..", parent_, EXT2_FT_DIR});
        return {};
    }
    if (hashes_.size() > slots_from(root_slots_at) * slots_from(node_slots_at))
        return sdk::make_error(sdk::Code::unsupported, "a directory has too many entries for ext4's hash tree");
    return sink_(index());
}

sdk::Result<void> DirectoryWriter::add(const DirectoryEntry& entry)
{
    if (indexed_ && !fits(block_->end(), entry.name.size(), slack_bytes))
        if (auto written = sink_(block_->close(seed_)); !written)
            return written;
    block_->add(entry);
    return {};
}

sdk::Result<void> DirectoryWriter::finish()
{
    if (auto written = sink_(block_->close(seed_)); !written)
        return written;
    for (const auto& node : nodes_)
        if (auto written = sink_(node); !written)
            return written;
    return {};
}

}  // namespace banger::images
