// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/ext4_xattr.hpp"

#include <ext2fs/ext2fs.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <tuple>
#include <utility>

#include "core/images/ext4_checksum.hpp"
#include "core/images/ext4_geometry.hpp"
#include "core/images/raw_bytes.hpp"

namespace banger::images {
namespace {

struct Prefix {
    std::string_view text;
    std::uint8_t index;
    bool whole;  // the name is nothing but the prefix
};

constexpr std::array<Prefix, 6> prefixes{{
    {"system.posix_acl_access", 2, true},
    {"system.posix_acl_default", 3, true},
    {"user.", 1, false},
    {"trusted.", 4, false},
    {"security.", 6, false},
    {"system.", 7, false},
}};

struct Attribute {
    std::uint8_t index = 0;
    std::string_view suffix;
    std::string value;

    [[nodiscard]] std::size_t entry_bytes() const { return EXT2_EXT_ATTR_LEN(suffix.size()); }
    [[nodiscard]] std::size_t value_bytes() const { return EXT2_EXT_ATTR_SIZE(value.size()); }
    [[nodiscard]] std::size_t bytes() const { return entry_bytes() + value_bytes(); }
};

constexpr std::size_t end_mark_bytes = 4;  // a zero word behind the last entry
constexpr std::size_t max_xattr_name_bytes = 255;

const Prefix* prefix_of(std::string_view name)
{
    for (const auto& prefix : prefixes)
        if (prefix.whole ? name == prefix.text : name.size() > prefix.text.size() && name.starts_with(prefix.text))
            return &prefix;
    return nullptr;
}

template <typename T>
T take(std::string_view& bytes)
{
    T value{};
    std::memcpy(&value, bytes.data(), sizeof value);
    bytes.remove_prefix(sizeof value);
    return value;
}

// The kernel's interface has eight bytes for each entry and version 2, the disk leaves out ids that mean nothing
// and has version 1 (fs/ext4/acl.h, include/uapi/linux/posix_acl_xattr.h).
std::optional<std::string> acl_on_disk(std::string_view value)
{
    constexpr std::uint32_t interface_version = 2;
    constexpr std::uint32_t disk_version = 1;
    constexpr std::uint16_t user = 2;
    constexpr std::uint16_t group = 8;
    constexpr std::array<std::uint16_t, 6> tags{1, user, 4, group, 16, 32};
    if (value.size() < 4 || value.size() % 8 != 4 || take<std::uint32_t>(value) != interface_version)
        return std::nullopt;
    std::string disk;
    append_raw(disk, disk_version);
    while (!value.empty()) {
        const auto tag = take<std::uint16_t>(value);
        const auto permissions = take<std::uint16_t>(value);
        const auto id = take<std::uint32_t>(value);
        if (std::find(tags.begin(), tags.end(), tag) == tags.end() || permissions > 7)
            return std::nullopt;
        append_raw(disk, tag);
        append_raw(disk, permissions);
        if (tag == user || tag == group)
            append_raw(disk, id);
    }
    return disk;
}

sdk::Result<Attribute> attribute_of(const Xattr& xattr)
{
    const auto* prefix = prefix_of(xattr.name);
    if (prefix == nullptr || xattr.name.size() - prefix->text.size() > max_xattr_name_bytes)
        return sdk::make_error(sdk::Code::invalid,
                               "ext4 cannot store an extended attribute named '" + xattr.name + "'");
    Attribute attribute{prefix->index, std::string_view(xattr.name).substr(prefix->text.size()), xattr.value};
    if (prefix->whole) {
        auto acl = acl_on_disk(xattr.value);
        if (!acl)
            return sdk::make_error(sdk::Code::invalid,
                                   "the extended attribute '" + xattr.name + "' holds no valid ACL");
        attribute.value = std::move(*acl);
    }
    return attribute;
}

// Entries grow from the front, values from the back. Offsets count from `origin` into `area`.
class Area {
public:
    Area(std::string& area, std::size_t origin, std::size_t first, bool hashed)
        : area_(area), origin_(origin), entry_(first), value_(area.size()), hashed_(hashed)
    {
    }

    void add(const Attribute& attribute)
    {
        value_ -= attribute.value_bytes();
        std::copy(attribute.value.begin(), attribute.value.end(), area_.begin() + static_cast<std::ptrdiff_t>(value_));
        ext2_ext_attr_entry entry{};
        entry.e_name_len = static_cast<std::uint8_t>(attribute.suffix.size());
        entry.e_name_index = attribute.index;
        entry.e_value_offs = attribute.value.empty() ? 0 : static_cast<std::uint16_t>(value_ - origin_);
        entry.e_value_size = static_cast<std::uint32_t>(attribute.value.size());
        auto* at = area_.data() + entry_;
        std::memcpy(at, &entry, sizeof entry);
        std::copy(attribute.suffix.begin(), attribute.suffix.end(), at + sizeof entry);
        if (hashed_) {
            entry.e_hash =
                ext2fs_ext_attr_hash_entry(reinterpret_cast<ext2_ext_attr_entry*>(at), area_.data() + value_);
            std::memcpy(at, &entry, sizeof entry);
            hash_ = (hash_ << 16U) ^ (hash_ >> 16U) ^ entry.e_hash;
        }
        entry_ += attribute.entry_bytes();
    }
    [[nodiscard]] std::uint32_t hash() const { return hash_; }

private:
    std::string& area_;
    std::size_t origin_;
    std::size_t entry_;
    std::size_t value_;
    bool hashed_;
    std::uint32_t hash_ = 0;
};

std::string in_inode_area(const std::vector<Attribute>& attributes, std::size_t room)
{
    std::string area(room, '\0');
    const std::uint32_t magic = EXT2_EXT_ATTR_MAGIC;
    std::memcpy(area.data(), &magic, sizeof magic);
    Area writer(area, sizeof magic, sizeof magic, false);
    for (const auto& attribute : attributes)
        writer.add(attribute);
    return area;
}

std::string block_area(std::vector<Attribute>& attributes)
{
    // The kernel searches a block as a sorted list.
    std::sort(attributes.begin(), attributes.end(), [](const Attribute& a, const Attribute& b) {
        return std::tuple(a.index, a.suffix.size(), a.suffix) < std::tuple(b.index, b.suffix.size(), b.suffix);
    });
    std::string area(block_bytes, '\0');
    Area writer(area, 0, sizeof(ext2_ext_attr_header), true);
    for (const auto& attribute : attributes)
        writer.add(attribute);
    ext2_ext_attr_header header{};
    header.h_magic = EXT2_EXT_ATTR_MAGIC;
    header.h_refcount = 1;
    header.h_blocks = 1;
    header.h_hash = writer.hash();
    std::memcpy(area.data(), &header, sizeof header);
    return area;
}

}  // namespace

bool storable_xattr(std::string_view name)
{
    const auto* prefix = prefix_of(name);
    return prefix != nullptr && name.size() - prefix->text.size() <= max_xattr_name_bytes;
}

sdk::Result<XattrLayout> lay_out_xattrs(const std::vector<Xattr>& xattrs, std::size_t room)
{
    std::vector<Attribute> inner;
    std::vector<Attribute> outer;
    std::size_t inner_bytes = sizeof(std::uint32_t) + end_mark_bytes;
    std::size_t outer_bytes = sizeof(ext2_ext_attr_header) + end_mark_bytes;
    for (const auto& xattr : xattrs) {
        auto attribute = attribute_of(xattr);
        if (!attribute)
            return std::move(attribute.error());
        if (std::count_if(xattrs.begin(), xattrs.end(), [&](const Xattr& other) { return other.name == xattr.name; }) >
            1)
            return sdk::make_error(sdk::Code::invalid, "the extended attribute '" + xattr.name + "' comes twice");
        const bool small = inner_bytes + attribute->bytes() <= room;
        (small ? inner_bytes : outer_bytes) += attribute->bytes();
        (small ? inner : outer).push_back(std::move(*attribute));
    }
    if (outer_bytes > block_bytes)
        return sdk::make_error(sdk::Code::unsupported,
                               "its extended attributes do not fit into one block of 4096 bytes");
    XattrLayout layout;
    if (!inner.empty())
        layout.in_inode = in_inode_area(inner, room);
    if (!outer.empty())
        layout.block = block_area(outer);
    return layout;
}

void seal_xattr_block(std::string& block, std::uint64_t block_number, std::uint32_t file_system_seed)
{
    std::array<char, sizeof block_number> number{};
    std::memcpy(number.data(), &block_number, sizeof block_number);
    const auto seed = crc32c(file_system_seed, {number.data(), number.size()});
    const auto checksum = crc32c(seed, block);
    std::memcpy(block.data() + offsetof(ext2_ext_attr_header, h_checksum), &checksum, sizeof checksum);
}

}  // namespace banger::images
