// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/vmm.hpp"

namespace banger::sdk {

/// A machine that goes on where another was saved.
struct RestoreSpec {
    BootSpec boot;  ///< like the saved one's: the same kernel, processors, memory, and disks and links in the same
                    ///< order; the owner, the disks' files and the links are its own
    std::string snapshot;  ///< the directory of a whole save; only read: any number of machines may come from it
};

/// vmm.snapshot/0: stops, saves and restores running machines, and moves them to other disks. An optional power of a
/// vmm/0 provider of the same name; handles are those of vmm/0, and everything made here is found and undone there.
///
/// A live save with its disks, so that the machine stands still for no longer than the last dirty pages take:
///     storage.fork/0 attach, for every disk; begin_save; swap_disks and commit; finish_save; resume
///
/// A save belongs to the directory that it is made in, which the caller makes and removes. Crashes of the daemon: a
/// machine that was left standing goes on with resume, whatever was under way.
class VmmSnapshot : public Provider {
public:
    /// Its processors stand still, and its disks have nothing under way. Done already is success. `not_found` if it
    /// does not live.
    [[nodiscard]] virtual Result<void> pause(const Handle& machine) = 0;

    /// It runs. Gives up a save that was begun and not finished. Done already is success.
    [[nodiscard]] virtual Result<void> resume(const Handle& machine) = 0;

    /// Copies memory into the empty directory while the machine runs, if it does, and returns with the machine standing
    /// still and little left to copy. On error, and when cancelled, the machine does what it did before.
    [[nodiscard]] virtual Result<void> begin_save(const Handle& machine, const std::string& directory, Call& call) = 0;

    /// Completes the save; the machine goes on standing still. The sessions with its agent may have ended: connect
    /// anew.
    [[nodiscard]] virtual Result<void> finish_save(const Handle& machine, const std::string& directory, Call& call) = 0;

    /// A machine like `boot` attaches, that stands still where the saved one stood. Whoever resumes it gives it its own
    /// identity first of all. `precondition` if this host or the spec does not fit the save; on error nothing is left.
    [[nodiscard]] virtual Result<Attached<Machine>> restore(const RestoreSpec& spec, Call& call) = 0;

    /// From one instant on the machine writes to these disks, each in the place of the one with its role. Each stands
    /// over what that one holds. The machine may run. Done already is success; on error all are as before.
    [[nodiscard]] virtual Result<void> swap_disks(const Handle& machine, const std::vector<Disk>& disks) = 0;
};

}  // namespace banger::sdk
