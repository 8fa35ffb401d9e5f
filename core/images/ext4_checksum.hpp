// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace banger::images {

/// CRC-32C continued from `seed`, without the final inversion, as ext4 stores it.
std::uint32_t crc32c(std::uint32_t seed, std::string_view bytes);

/// The seed that every metadata checksum of a file system starts from. Source: kernel
/// Documentation/filesystems/ext4/checksums.rst.
std::uint32_t checksum_seed(const std::array<std::uint8_t, 16>& uuid);

/// The seed of what belongs to one inode: the inode itself, its directory and extent blocks. Generation 0.
std::uint32_t inode_checksum_seed(std::uint32_t file_system_seed, std::uint32_t inode);

}  // namespace banger::images
