// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"
#include "core/images/ext4_writer.hpp"
#include "core/images/inode_table.hpp"
#include "core/images/name_table.hpp"

namespace banger::images {

/// The names and inodes of a file system that is being made, and tar's rules of what may replace what. All of it lies in
/// the pages of a cache, so memory is what the cache may have, however many entries there are.
class Ext4Tree {
public:
    /// Is told of the blocks of every file that is gone.
    using Released = std::function<sdk::Result<void>(const std::vector<Extent>&)>;

    Ext4Tree(PageCache& cache, const std::array<std::uint8_t, 16>& hash_seed, Metadata root);

    void on_release(Released released) { released_ = std::move(released); }

    /// Puts an inode at `path`, or for a directory over a directory its metadata.
    sdk::Result<InodeIndex> put(std::string_view path, Inode inode);
    sdk::Result<void> link(std::string_view path, std::string_view existing);
    sdk::Result<void> remove(std::string_view path);
    [[nodiscard]] std::optional<InodeIndex> find(std::string_view path) const;

    /// From here on a new layer brings entries. Errors: invalid for the 65,536th.
    sdk::Result<void> begin_layer();
    /// Whether this layer has brought what is at `path`, or something below it. Never of the root.
    [[nodiscard]] bool touched(std::string_view path) const;
    /// Counts what is at `path` as brought by this layer.
    void touch(std::string_view path);
    /// Removes what is at `path` and below it, but for what this layer has brought; `only_below` keeps the path itself.
    sdk::Result<void> remove_lower(std::string_view path, bool only_below);

    [[nodiscard]] static constexpr InodeIndex root() { return 0; }
    [[nodiscard]] InodeTable& inodes() { return inodes_; }
    [[nodiscard]] const InodeTable& inodes() const { return inodes_; }
    [[nodiscard]] const NameTable& names() const { return names_; }

private:
    struct Place {
        InodeIndex parent = 0;
        std::string_view name;
    };
    /// Where a name stands.
    struct Found {
        InodeIndex parent = 0;
        NameList list;
        std::uint64_t place = 0;
        Name name;
    };
    sdk::Result<Place> place(std::string_view path);
    sdk::Result<InodeIndex> parent_of(std::string_view path);
    [[nodiscard]] std::optional<InodeIndex> directory_at(std::string_view path) const;
    [[nodiscard]] std::optional<Found> look_up(InodeIndex parent, std::string_view name) const;
    [[nodiscard]] std::optional<Found> look_up(std::string_view path) const;
    sdk::Result<void> make_room(std::string_view path, const Found& there, FileKind by) const;
    sdk::Result<void> unlink(Found& there);
    sdk::Result<void> drop(InodeIndex gone);
    void add(InodeIndex inode, InodeIndex parent, std::string_view name);
    void stamp(const Found& there);
    void forget_last_parent();

    InodeTable inodes_;
    NameTable names_;
    Released released_;
    std::uint16_t layer_ = 0;
    std::string last_parent_path_;  // entries of one directory follow each other
    InodeIndex last_parent_ = 0;
    std::int64_t default_time_;
};

}  // namespace banger::images
