// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"
#include "core/images/ext4_writer.hpp"

namespace banger::images {

/// Extended attributes as ext4 stores them: the small ones behind the inode, the rest in one block.
struct XattrLayout {
    std::string in_inode;  ///< empty, or as long as the room asked for
    std::string block;     ///< empty, or one block whose checksum is still open
};

/// Whether ext4 has a place for attributes of this name.
[[nodiscard]] bool storable_xattr(std::string_view name);

/// `room` is what an inode has behind its fixed fields. Errors: invalid for a name or an ACL that ext4 cannot hold,
/// unsupported for attributes that do not fit. Sources: kernel Documentation/filesystems/ext4/attributes.rst.
sdk::Result<XattrLayout> lay_out_xattrs(const std::vector<Xattr>& xattrs, std::size_t room);

/// Fills in the checksum of an attribute block that will lie at `block_number`.
void seal_xattr_block(std::string& block, std::uint64_t block_number, std::uint32_t file_system_seed);

}  // namespace banger::images
