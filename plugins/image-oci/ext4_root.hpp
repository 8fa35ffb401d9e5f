// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/host.hpp"

namespace banger::oci {

/// Whether a file is an ext2, ext3 or ext4 file system, by its superblock's magic number.
bool is_ext4(const std::string& path);

/// Writes what is in the file system as one archive: every kind of file, hard links, owners, modes, times, extended
/// attributes. Only reads the file, and mounts nothing. Errors: corrupt for a damaged file system, also one that was not
/// unmounted and still has its journal to replay; cancelled; those of writing.
sdk::Result<void> stream_ext4(const std::string& path, int output, sdk::Call& call);

/// A line that one file is not to have.
struct LostLine {
    std::string path = {};  ///< in its file system, such as "/.ssh/authorized_keys"
    std::string line = {};  ///< empty: none
};

/// The same of a machine's two file systems, the second one mounted at /root of the first.
sdk::Result<void> stream_machine(const std::string& root, const std::string& home, const LostLine& lost, int output,
                                 sdk::Call& call);

}  // namespace banger::oci
