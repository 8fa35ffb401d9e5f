// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::images {

struct DirectoryEntry {
    std::string_view name;
    std::uint32_t inode = 0;
    std::uint8_t type = 0;  ///< directory_entry_type()
};

/// Makes the blocks of one directory, one after the other and never more than one in memory: one block is a plain
/// list, more are a hash tree as ext4's dir_index has it, filled to four fifths. Since the tree's root comes first, all
/// entries pass twice, both times in the order of their hashes: plan() hears their lengths, add() writes them.
/// Source: kernel Documentation/filesystems/ext4/directory.rst.
class DirectoryWriter {
public:
    /// Gets each block, checksum in place, in the order of the directory.
    using Sink = std::function<sdk::Result<void>(std::string_view block)>;

    DirectoryWriter(std::uint32_t file_system_seed, std::uint32_t self, std::uint32_t parent, Sink sink);
    ~DirectoryWriter();
    DirectoryWriter(const DirectoryWriter&) = delete;
    DirectoryWriter& operator=(const DirectoryWriter&) = delete;

    void plan(std::uint32_t hash, std::size_t name_bytes);
    /// Between the two. Errors: unsupported beyond some 40 million entries, those of the sink.
    sdk::Result<void> begin();
    sdk::Result<void> add(const DirectoryEntry& entry);
    sdk::Result<void> finish();
    /// The blocks hold a hash tree.
    [[nodiscard]] bool indexed() const { return indexed_; }

private:
    class RecordBlock;
    [[nodiscard]] std::string index();

    std::uint32_t seed_;
    std::uint32_t self_;
    std::uint32_t parent_;
    Sink sink_;
    // Planned: how long a plain list would be, where the leaf being filled ends, and the first hash in each leaf, whose
    // lowest bit says that it began in the leaf before.
    std::size_t plain_bytes_;
    std::size_t leaf_end_ = 0;
    std::uint32_t last_hash_ = 0;
    std::vector<std::uint32_t> hashes_;
    bool indexed_ = false;
    std::unique_ptr<RecordBlock> block_;
    std::vector<std::string> nodes_;  // of a tree with two levels; they stand behind the leaves
};

}  // namespace banger::images
