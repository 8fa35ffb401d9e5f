// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/name_table.hpp"

#include <ext2fs/ext2fs.h>

#include <algorithm>
#include <cstring>

namespace banger::images {
namespace {

constexpr std::uint32_t least_bits = 2;
constexpr std::uint32_t least_tail = 4;

}  // namespace

NameTable::NameTable(PageCache& cache, const std::array<std::uint8_t, 16>& hash_seed) : names_(cache), texts_(cache)
{
    std::memcpy(hash_seed_.data(), hash_seed.data(), hash_seed.size());
}

std::uint32_t NameTable::hash_of(std::string_view name) const
{
    ext2_dirhash_t hash = 0;
    ext2_dirhash_t minor = 0;
    ext2fs_dirhash(EXT2_HASH_HALF_MD4_UNSIGNED, name.data(), static_cast<int>(name.size()), hash_seed_.data(), &hash,
                   &minor);
    return hash;
}

std::optional<std::uint64_t> NameTable::find(const NameList& list, std::string_view name) const
{
    const auto hash = hash_of(name);
    for (auto place = home(list, hash); place < list.places(); ++place) {
        const auto there = at(list, place);
        if (there.length == 0 || there.hash > hash)
            return std::nullopt;
        if (there.hash == hash && there.length == name.size() && texts_.equals(text_at(there), name))
            return place;
    }
    return std::nullopt;
}

std::uint64_t NameTable::next(const NameList& list, std::uint64_t from) const
{
    const auto end = list.places();
    while (from < end && at(list, from).length == 0)
        ++from;
    return std::min(from, end);
}

bool NameTable::before(const Name& name, std::uint32_t hash, std::string_view text) const
{
    return name.hash < hash || (name.hash == hash && this->text(name) < text);
}

void NameTable::add(NameList& list, std::string_view text, std::uint32_t inode, std::uint16_t layer)
{
    Name name;
    name.hash = hash_of(text);
    name.inode = inode;
    name.text = static_cast<std::uint32_t>(texts_.append(text) / text_unit);
    name.length = static_cast<std::uint16_t>(text.size());
    name.layer = layer;
    texts_.append(std::string_view("\0\0\0\0\0\0\0", (text_unit - text.size() % text_unit) % text_unit));
    if (list.bits == 0)
        rebuild(list, least_bits, least_tail);
    else if ((std::uint64_t{list.count} + 1) * 4 > (std::uint64_t{3} << list.bits))
        rebuild(list, list.bits + 1, list.tail);
    while (!insert(list, text, name))
        rebuild(list, list.bits, list.tail * 2);
    ++list.count;
}

// False if the tail is full; then nothing has moved.
bool NameTable::insert(const NameList& list, std::string_view text, const Name& name)
{
    const auto end = list.places();
    auto place = home(list, name.hash);
    for (; place < end; ++place)
        if (const auto there = at(list, place); there.length == 0 || !before(there, name.hash, text))
            break;
    auto free = place;
    while (free < end && at(list, free).length != 0)
        ++free;
    if (free >= end)
        return false;
    for (; free > place; --free)
        put(list, free, at(list, free - 1));
    put(list, place, name);
    return true;
}

// In a new piece: the order stays, only the gaps change. The old piece is not used again.
void NameTable::rebuild(NameList& list, std::uint32_t bits, std::uint32_t tail)
{
    NameList made = list;
    made.bits = bits;
    made.tail = tail;
    for (bool whole = false; !whole; made.tail *= whole ? 1 : 2) {
        made.first = names_.extend(made.places());
        std::uint64_t free = 0;
        whole = true;
        for (auto place = next(list, 0); whole && place < list.places(); place = next(list, place + 1)) {
            const auto name = at(list, place);
            free = std::max(free, home(made, name.hash));
            whole = free < made.places();
            if (whole)
                put(made, free++, name);
        }
    }
    list = made;
}

void NameTable::set_layer(const NameList& list, std::uint64_t place, std::uint16_t layer)
{
    auto name = at(list, place);
    name.layer = layer;
    put(list, place, name);
}

void NameTable::erase(NameList& list, std::uint64_t place)
{
    for (; place + 1 < list.places(); ++place) {
        const auto next = at(list, place + 1);
        if (next.length == 0 || home(list, next.hash) == place + 1)
            break;
        put(list, place, next);
    }
    put(list, place, {});
    --list.count;
}

}  // namespace banger::images
