// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/images/page_cache.hpp"
#include "core/images/paged_array.hpp"

namespace banger::images {

/// One name in a directory. A length of 0 is a free place.
struct Name {
    std::uint32_t hash = 0;
    std::uint32_t inode = 0;   ///< index in the tree
    std::uint32_t text = 0;    ///< where its bytes are, in eights of them
    std::uint16_t layer = 0;   ///< that brought it, or something below it, last
    std::uint16_t length = 0;  ///< of its text
};
static_assert(sizeof(Name) == 16);

/// Where a directory's names are in the table. All zeros: it has none and never had.
struct NameList {
    std::uint64_t first = 0;
    std::uint32_t count = 0;
    std::uint32_t tail = 0;
    std::uint32_t bits = 0;

    /// Places, taken and free; names are at 0 up to it.
    [[nodiscard]] std::uint64_t places() const { return bits == 0 ? 0 : (std::uint64_t{1} << bits) + tail; }
};

/// The names of all directories of a file system, each directory in the order of ext4's own hash of them.
///
/// A directory is a piece of one long array, used as a hash table with open addressing, whose home places are the upper
/// bits of the hash and in which names keep the order of their hashes. So a look-up touches one or two pages however
/// many names there are, and who reads a directory from front to back has what its index on the disk is made of, with
/// nothing to sort. Behind the last home is a tail for those that were pushed out.
class NameTable {
public:
    NameTable(PageCache& cache, const std::array<std::uint8_t, 16>& hash_seed);

    /// kernel Documentation/filesystems/ext4/directory.rst, "Hash Tree Directories": half MD4 of unsigned bytes.
    [[nodiscard]] std::uint32_t hash_of(std::string_view name) const;

    /// The place of the name.
    [[nodiscard]] std::optional<std::uint64_t> find(const NameList& list, std::string_view name) const;
    /// The first place at or behind `from` that is taken; places() if there is none.
    [[nodiscard]] std::uint64_t next(const NameList& list, std::uint64_t from) const;
    [[nodiscard]] Name at(const NameList& list, std::uint64_t place) const { return names_.get(list.first + place); }
    [[nodiscard]] std::string text(const Name& name) const { return texts_.read(text_at(name), name.length); }

    /// The name must not be there. Moves others.
    void add(NameList& list, std::string_view text, std::uint32_t inode, std::uint16_t layer);
    void set_layer(const NameList& list, std::uint64_t place, std::uint16_t layer);
    /// Others move, none to a place before this one.
    void erase(NameList& list, std::uint64_t place);

private:
    static constexpr std::size_t text_unit = 8;  // bytes: with 32 bits for a place, names may have 32 GiB
    [[nodiscard]] static std::uint64_t text_at(const Name& name) { return std::uint64_t{name.text} * text_unit; }
    [[nodiscard]] static std::uint64_t home(const NameList& list, std::uint32_t hash)
    {
        return std::uint64_t{hash} << list.bits >> 32U;
    }
    [[nodiscard]] bool before(const Name& name, std::uint32_t hash, std::string_view text) const;
    void put(const NameList& list, std::uint64_t place, const Name& name) { names_.set(list.first + place, name); }
    bool insert(const NameList& list, std::string_view text, const Name& name);
    void rebuild(NameList& list, std::uint32_t bits, std::uint32_t tail);

    std::array<std::uint32_t, 4> hash_seed_{};
    PagedArray<Name> names_;
    PagedBytes texts_;
};

}  // namespace banger::images
