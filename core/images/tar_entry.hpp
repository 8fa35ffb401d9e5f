// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"
#include "core/images/ext4_writer.hpp"

struct archive_entry;

namespace banger::images {

/// One entry of an archive, checked: paths are relative and stay below the root.
struct TarEntry {
    std::string path;  ///< "" is the root directory
    FileKind kind = FileKind::regular;
    Metadata metadata;
    std::uint64_t size = 0;  ///< of a regular file
    std::string target;      ///< of a symbolic link, as it stands
    bool hard_link = false;  ///< another name for `existing`
    std::string existing;
    std::uint32_t major = 0;  ///< of a device
    std::uint32_t minor = 0;
};

/// The path without "." components and slashes at its end. Errors: invalid for an absolute path, for "..", for a
/// path longer than 4095 bytes. `what` begins the message.
sdk::Result<std::string> relative_path(std::string_view path, std::string_view what);

/// Errors: invalid for paths that leave the root, numbers that Linux does not have, kinds that a file system cannot
/// hold, and ACLs that name users without their numbers.
sdk::Result<TarEntry> entry_of(archive_entry* entry);

}  // namespace banger::images
