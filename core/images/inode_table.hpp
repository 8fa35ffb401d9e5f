// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/images/ext4_writer.hpp"
#include "core/images/name_table.hpp"
#include "core/images/paged_array.hpp"

namespace banger::images {

/// Blocks `physical`.. of the disk hold blocks `logical`.. of the file.
struct Extent {
    std::uint32_t logical = 0;
    std::uint32_t length = 0;
    std::uint64_t physical = 0;
};

using InodeIndex = std::uint32_t;

struct Inode {
    FileKind kind = FileKind::regular;
    Metadata metadata;
    std::uint64_t size = 0;
    std::vector<Extent> extents;
    std::string target;       ///< of a symbolic link
    std::uint32_t major = 0;  ///< of a device
    std::uint32_t minor = 0;
};

/// What a directory has beside its inode.
struct Directory {
    NameList names;
    InodeIndex parent = 0;
    std::uint32_t links = 0;    ///< on the disk, once it was written
    std::uint32_t indexed = 0;  ///< its blocks hold a hash tree
};

/// All inodes of a file system that is being made, packed into the pages of a cache: 64 bytes each, and what a file in
/// pieces, attributes and the target of a link take.
class InodeTable {
public:
    explicit InodeTable(PageCache& cache) : records_(cache), directories_(cache), bytes_(cache) {}

    /// With one name.
    InodeIndex add(const Inode& inode);
    [[nodiscard]] InodeIndex size() const { return static_cast<InodeIndex>(records_.size()); }
    /// All of it, unpacked.
    [[nodiscard]] Inode at(InodeIndex index) const;

    [[nodiscard]] FileKind kind(InodeIndex index) const { return records_.get(index).kind; }
    /// Names of a non-directory; 0: replaced and gone.
    [[nodiscard]] std::uint32_t links(InodeIndex index) const { return records_.get(index).links; }
    void set_links(InodeIndex index, std::uint32_t links);
    /// On the disk; the caller's.
    [[nodiscard]] std::uint32_t number(InodeIndex index) const { return records_.get(index).number; }
    void set_number(InodeIndex index, std::uint32_t number);
    void set_metadata(InodeIndex index, const Metadata& metadata);
    [[nodiscard]] std::vector<Extent> extents(InodeIndex index) const { return unpack_extents(records_.get(index)); }
    void set_extents(InodeIndex index, const std::vector<Extent>& extents);
    void set_size(InodeIndex index, std::uint64_t size);

    /// Only of directories.
    [[nodiscard]] Directory directory(InodeIndex index) const { return directories_.get(records_.get(index).special); }
    void set_directory(InodeIndex index, const Directory& directory);

private:
    enum class Content : std::uint8_t { none, target, piece, pieces };
    struct Record {
        FileKind kind = FileKind::regular;
        Content holds = Content::none;
        std::uint16_t mode = 0;
        std::uint32_t links = 1;
        std::uint32_t uid = 0;
        std::uint32_t gid = 0;
        std::uint32_t mtime_nanoseconds = 0;
        std::uint32_t number = 0;
        std::int64_t mtime_seconds = 0;
        std::uint64_t size = 0;
        std::uint64_t content = 0;     // of one piece: its block and, in the lowest 16 bits, its length; else where it is
        std::uint32_t special = 0;     // of a directory: which one; of a device: its minor number
        std::uint32_t major = 0;
        std::uint64_t attributes = 0;  // where they are, counted from 1; 0: none
    };
    static_assert(sizeof(Record) == 64);

    void pack_metadata(const Metadata& metadata, Record& record);
    [[nodiscard]] Metadata unpack_metadata(const Record& record) const;
    void pack_extents(const std::vector<Extent>& extents, Record& record);
    [[nodiscard]] std::vector<Extent> unpack_extents(const Record& record) const;

    PagedArray<Record> records_;
    PagedArray<Directory> directories_;
    PagedBytes bytes_;
    std::string last_attributes_;  // packed; files with the same ones follow each other
    std::uint64_t last_attributes_at_ = 0;
};

}  // namespace banger::images
