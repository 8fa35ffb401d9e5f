// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

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

/// How a machine moves from one disk to another under the same name. Before Firecracker is told to open the name anew, the
/// link leads to the other disk, and one beside it to the disk that it had; whoever finds that one knows that a move was cut
/// off, and which of the two Firecracker writes to is asked of the kernel.
///
/// In a jail the name is the disk's own second name from then on, since links to what is outside lead nowhere there.
class DiskMove {
public:
    DiskMove(const std::string& vm_directory, sdk::Disk to);

    /// Ends a move that was cut off, as Firecracker, process `pid`, saw it. `not_found` if the machine has no such disk.
    [[nodiscard]] sdk::Result<void> settle(pid_t pid) const;
    /// Whether there is nothing to do: Firecracker has opened that disk by that name.
    [[nodiscard]] sdk::Result<bool> is_done(pid_t pid) const;
    /// The name leads to the new disk.
    [[nodiscard]] sdk::Result<void> begin() const;
    /// Firecracker has opened it.
    [[nodiscard]] sdk::Result<void> done() const;
    /// Or is to open the old one again. Nothing was begun is success.
    [[nodiscard]] sdk::Result<void> undo() const;
    [[nodiscard]] const std::string& role() const { return to_.role; }

private:
    DiskMove(const std::string& directory, bool jailed, sdk::Disk to);

    sdk::Disk to_;
    bool jailed_;
    std::string link_;
    std::string before_;
    std::string next_;
};

/// Removes all such links, and nothing that is none. Done already is success.
sdk::Result<void> remove_disk_links(const std::string& directory);

}  // namespace banger::firecracker
