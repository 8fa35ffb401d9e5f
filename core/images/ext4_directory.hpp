// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
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

struct DirectoryBlocks {
    std::string bytes;     ///< whole blocks, checksums in place
    bool indexed = false;  ///< they hold a hash tree
};

/// The blocks of a whole directory, made in memory: one block is a plain list, more are a hash tree as ext4's
/// dir_index has it, filled to four fifths. Errors: unsupported beyond some 40 million entries.
/// Source: kernel Documentation/filesystems/ext4/directory.rst.
class DirectoryBuilder {
public:
    DirectoryBuilder(std::uint32_t file_system_seed, const std::array<std::uint8_t, 16>& hash_seed);

    [[nodiscard]] sdk::Result<DirectoryBlocks> build(std::uint32_t self, std::uint32_t parent,
                                                     const std::vector<DirectoryEntry>& entries) const;

private:
    struct Hashed;
    struct Leaves;
    [[nodiscard]] std::vector<Hashed> sorted(const std::vector<DirectoryEntry>& entries) const;
    [[nodiscard]] static Leaves fill_leaves(const std::vector<Hashed>& entries, std::uint32_t seed);
    [[nodiscard]] static std::string index(const Leaves& leaves, std::uint32_t self, std::uint32_t parent,
                                           std::uint32_t seed, std::string& nodes);

    std::uint32_t seed_;
    std::array<std::uint32_t, 4> hash_seed_{};
};

}  // namespace banger::images
