// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/storage.hpp"

namespace banger::firecracker {

/// The bare name by which Firecracker opens a disk, in its VM's directory, wherever that is: a saved machine then finds
/// the disks of the directory that it is restored in. docs/decisions/0014-firecracker-with-debians-kernel.md
inline std::string link_name(const std::string& role)
{
    return role + ".disk";
}

/// A symbolic link of that name to each disk, in place of older ones. `exists` if something else has the name.
sdk::Result<void> link_disks(const std::string& directory, const std::vector<sdk::Disk>& disks);

/// Removes all such links, and nothing that is none. Done already is success.
sdk::Result<void> remove_disk_links(const std::string& directory);

}  // namespace banger::firecracker
