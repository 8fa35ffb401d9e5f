// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/inode_table.hpp"

#include <limits>

#include "core/images/raw_bytes.hpp"

namespace banger::images {
namespace {

/// Reads packed values one behind the other.
class Unpacker {
public:
    Unpacker(const PagedBytes& bytes, std::uint64_t at) : bytes_(bytes), at_(at) {}

    template <typename T>
    T take()
    {
        T value{};
        bytes_.read(at_, reinterpret_cast<char*>(&value), sizeof value);
        at_ += sizeof value;
        return value;
    }
    std::string take(std::size_t length)
    {
        at_ += length;
        return bytes_.read(at_ - length, length);
    }

private:
    const PagedBytes& bytes_;
    std::uint64_t at_;
};

// How long one piece may be that is packed beside its block number.
constexpr std::uint32_t max_packed_length = std::numeric_limits<std::uint16_t>::max();

}  // namespace

void InodeTable::pack_metadata(const Metadata& metadata, Record& record)
{
    record.mode = static_cast<std::uint16_t>(metadata.mode);
    record.uid = metadata.uid;
    record.gid = metadata.gid;
    record.mtime_seconds = metadata.mtime_seconds;
    record.mtime_nanoseconds = metadata.mtime_nanoseconds;
    record.attributes = 0;
    if (metadata.xattrs.empty())
        return;
    std::string packed;
    append_raw(packed, static_cast<std::uint32_t>(metadata.xattrs.size()));
    for (const auto& xattr : metadata.xattrs) {
        append_raw(packed, static_cast<std::uint32_t>(xattr.name.size()));
        append_raw(packed, static_cast<std::uint32_t>(xattr.value.size()));
        packed += xattr.name;
        packed += xattr.value;
    }
    if (packed != last_attributes_) {
        last_attributes_at_ = bytes_.append(packed);
        last_attributes_ = std::move(packed);
    }
    record.attributes = last_attributes_at_ + 1;
}

Metadata InodeTable::unpack_metadata(const Record& record) const
{
    Metadata metadata;
    metadata.mode = record.mode;
    metadata.uid = record.uid;
    metadata.gid = record.gid;
    metadata.mtime_seconds = record.mtime_seconds;
    metadata.mtime_nanoseconds = record.mtime_nanoseconds;
    if (record.attributes == 0)
        return metadata;
    Unpacker packed(bytes_, record.attributes - 1);
    metadata.xattrs.resize(packed.take<std::uint32_t>());
    for (auto& xattr : metadata.xattrs) {
        const auto name_bytes = packed.take<std::uint32_t>();
        const auto value_bytes = packed.take<std::uint32_t>();
        xattr.name = packed.take(name_bytes);
        xattr.value = packed.take(value_bytes);
    }
    return metadata;
}

void InodeTable::pack_extents(const std::vector<Extent>& extents, Record& record)
{
    record.content = 0;
    record.holds = Content::none;
    if (extents.empty())
        return;
    const auto& first = extents.front();
    if (extents.size() == 1 && first.logical == 0 && first.length <= max_packed_length) {
        record.holds = Content::piece;
        record.content = first.physical << 16U | first.length;
        return;
    }
    record.holds = Content::pieces;
    const auto count = static_cast<std::uint64_t>(extents.size());
    record.content = bytes_.append({reinterpret_cast<const char*>(&count), sizeof count});
    bytes_.append({reinterpret_cast<const char*>(extents.data()), extents.size() * sizeof(Extent)});
}

std::vector<Extent> InodeTable::unpack_extents(const Record& record) const
{
    if (record.holds == Content::piece)
        return {{0, static_cast<std::uint32_t>(record.content & max_packed_length), record.content >> 16U}};
    if (record.holds != Content::pieces)
        return {};
    std::vector<Extent> extents(Unpacker(bytes_, record.content).take<std::uint64_t>());
    bytes_.read(record.content + sizeof(std::uint64_t), reinterpret_cast<char*>(extents.data()),
                extents.size() * sizeof(Extent));
    return extents;
}

InodeIndex InodeTable::add(const Inode& inode)
{
    Record record;
    record.kind = inode.kind;
    record.size = inode.size;
    record.special = inode.minor;
    record.major = inode.major;
    pack_metadata(inode.metadata, record);
    pack_extents(inode.extents, record);
    if (inode.kind == FileKind::directory)
        record.special = static_cast<std::uint32_t>(directories_.push({}));
    if (!inode.target.empty()) {
        record.holds = Content::target;
        record.content = bytes_.append(inode.target);
    }
    return static_cast<InodeIndex>(records_.push(record));
}

Inode InodeTable::at(InodeIndex index) const
{
    const auto record = records_.get(index);
    Inode inode;
    inode.kind = record.kind;
    inode.metadata = unpack_metadata(record);
    inode.size = record.size;
    inode.extents = unpack_extents(record);
    if (record.holds == Content::target)
        inode.target = bytes_.read(record.content, static_cast<std::size_t>(record.size));
    if (record.kind == FileKind::character_device || record.kind == FileKind::block_device) {
        inode.major = record.major;
        inode.minor = record.special;
    }
    return inode;
}

void InodeTable::set_links(InodeIndex index, std::uint32_t links)
{
    auto record = records_.get(index);
    record.links = links;
    records_.set(index, record);
}

void InodeTable::set_number(InodeIndex index, std::uint32_t number)
{
    auto record = records_.get(index);
    record.number = number;
    records_.set(index, record);
}

void InodeTable::set_metadata(InodeIndex index, const Metadata& metadata)
{
    auto record = records_.get(index);
    pack_metadata(metadata, record);
    records_.set(index, record);
}

void InodeTable::set_extents(InodeIndex index, const std::vector<Extent>& extents)
{
    auto record = records_.get(index);
    pack_extents(extents, record);
    records_.set(index, record);
}

void InodeTable::set_size(InodeIndex index, std::uint64_t size)
{
    auto record = records_.get(index);
    record.size = size;
    records_.set(index, record);
}

void InodeTable::set_directory(InodeIndex index, const Directory& directory)
{
    directories_.set(records_.get(index).special, directory);
}

}  // namespace banger::images
