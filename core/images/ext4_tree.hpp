// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"
#include "core/images/ext4_writer.hpp"

namespace banger::images {

/// Blocks `physical`.. of the disk hold blocks `logical`.. of the file.
struct Extent {
    std::uint32_t logical = 0;
    std::uint32_t length = 0;
    std::uint64_t physical = 0;
};

using InodeIndex = std::uint32_t;
using Children = std::map<std::string, InodeIndex, std::less<>>;

struct Inode {
    FileKind kind = FileKind::regular;
    std::uint32_t links = 0;  ///< names of a non-directory; 0: replaced and gone
    Metadata metadata;
    std::uint64_t size = 0;
    std::vector<Extent> extents;
    std::string target;       ///< of a symbolic link
    std::uint32_t major = 0;  ///< of a device
    std::uint32_t minor = 0;
    std::unique_ptr<Children> children;  ///< of a directory, and only there
    InodeIndex parent = 0;               ///< of a directory
};

/// The names and inodes of a file system that is being made, and tar's rules of what may replace what.
class Ext4Tree {
public:
    /// Is told of the blocks of every file that is gone.
    using Released = std::function<sdk::Result<void>(const std::vector<Extent>&)>;

    explicit Ext4Tree(Metadata root);

    void on_release(Released released) { released_ = std::move(released); }

    /// Puts an inode at `path`, or for a directory over a directory its metadata.
    sdk::Result<InodeIndex> put(std::string_view path, Inode inode);
    sdk::Result<void> link(std::string_view path, std::string_view existing);
    sdk::Result<void> remove(std::string_view path);
    [[nodiscard]] std::optional<InodeIndex> find(std::string_view path) const;

    [[nodiscard]] static constexpr InodeIndex root() { return 0; }
    Inode& at(InodeIndex index) { return inodes_[index]; }
    [[nodiscard]] const Inode& at(InodeIndex index) const { return inodes_[index]; }
    [[nodiscard]] InodeIndex size() const { return static_cast<InodeIndex>(inodes_.size()); }

private:
    struct Place {
        InodeIndex parent = 0;
        std::string_view name;
    };
    sdk::Result<Place> place(std::string_view path);
    sdk::Result<InodeIndex> parent_of(std::string_view path);
    sdk::Result<void> make_room(std::string_view path, Children::iterator there, FileKind by);
    sdk::Result<void> unlink(InodeIndex parent, Children::iterator there);
    InodeIndex add(Inode inode, InodeIndex parent, std::string_view name);

    std::vector<Inode> inodes_;
    Released released_;
    std::string last_parent_path_;  // entries of one directory follow each other
    InodeIndex last_parent_ = 0;
    std::int64_t default_time_;
};

}  // namespace banger::images
