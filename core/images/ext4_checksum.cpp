// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/ext4_checksum.hpp"

#include <ext2fs/ext2fs.h>

#include <bit>
#include <cstring>

namespace banger::images {

static_assert(std::endian::native == std::endian::little, "on-disk structures are written as they lie in memory");

std::uint32_t crc32c(std::uint32_t seed, std::string_view bytes)
{
    return ext2fs_crc32c_le(seed, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::uint32_t checksum_seed(const std::array<std::uint8_t, 16>& uuid)
{
    return ext2fs_crc32c_le(~0U, uuid.data(), uuid.size());
}

std::uint32_t inode_checksum_seed(std::uint32_t file_system_seed, std::uint32_t inode)
{
    std::array<char, 8> number_and_generation{};
    std::memcpy(number_and_generation.data(), &inode, sizeof inode);
    return crc32c(file_system_seed, {number_and_generation.data(), number_and_generation.size()});
}

}  // namespace banger::images
