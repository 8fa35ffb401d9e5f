// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/vmm.hpp"

namespace banger::sdk {

/// Where a machine's memory and devices are saved.
struct SaveSpec {
    std::string directory;  ///< absolute; empty when the save begins
    /// The directory of a sealed save: the one that the machine came from or was saved to last. Only what it has
    /// written since is saved, so its pause does not grow with its memory where the VMM can copy only what stands
    /// still. Needed until the new save is sealed. Empty: everything is saved
    std::string base;
};

/// A machine that goes on where another was saved.
struct RestoreSpec {
    /// Like the saved one's: the same kernel, processors, memory, and disks and links of the same kinds in the same
    /// order; the owner, the disks' files and the links are its own. Of the links' hardware addresses the guest goes on
    /// to use the saved ones, until its agent is told others.
    BootSpec boot;
    std::string snapshot;  ///< the directory of a sealed save; any number of machines may come from it
};

/// vmm.snapshot/0: stops, saves and restores running machines, and moves them to other disks. An optional power of a
/// vmm/0 provider of the same name; handles are those of vmm/0, and everything made here is found and undone there.
/// `probe` offers "snapshot:full"; "snapshot:live" if a machine works on while all of it is copied, so that a save without
/// a base stops it for a moment and not for as long as its memory takes to write; "snapshot:difference" if saves with a
/// base are possible. It accepts the formats of disks that swap_disks moves a machine to.
///
/// A live save with its disks, so that the machine stands still for no longer than the last dirty pages take:
///     storage.fork/0 attach, for every disk; begin_save; swap_disks and commit; finish_save; resume; seal_save
///
/// A save belongs to the directory that it is made in, which the caller makes and removes. Nobody changes a sealed
/// save; it can be removed at any time, for machines that came from it hold open what they need.
///
/// Crashes of the daemon: whatever was under way, resume gives it up and the machine goes on. A save that was not
/// sealed is rubbish.
class VmmSnapshot : public Provider {
public:
    /// Its processors stand still, and its disks have nothing under way. Done already is success. `not_found` if it
    /// does not live.
    [[nodiscard]] virtual Result<void> pause(const Handle& machine) = 0;

    /// It runs. Gives up a save that was begun and not finished. Done already is success.
    [[nodiscard]] virtual Result<void> resume(const Handle& machine) = 0;

    /// Copies memory while the machine runs, if it does, and returns with the machine standing still and little left
    /// to copy: bounded in time and space, also for a machine that writes faster than can be copied. On error, and
    /// when cancelled, the machine does what it did before, and the directory is empty.
    ///
    /// `precondition` if another save is under way, which goes on, or if the machine has stood still since another was
    /// finished or given up: resume it first. `unsupported` for a base where no differences are offered; `precondition`
    /// if the machine is not forkable or the base is not its last. `no_space` if the host's disk is full.
    [[nodiscard]] virtual Result<void> begin_save(const Handle& machine, const SaveSpec& save, Call& call) = 0;

    /// The rest of the save that was begun; the machine stands still and can be resumed. Sessions with its agent may
    /// have ended, which their ends show. `precondition` if none was begun, or not into this directory: one that was
    /// begun into another stands as it stood. On any other error, and when cancelled, the save is given up: resume the
    /// machine; one that ran before the save may run again already.
    [[nodiscard]] virtual Result<void> finish_save(const Handle& machine, const SaveSpec& save, Call& call) = 0;

    /// Makes a finished save whole and durable, while the machine goes on or is gone; from then on it stands alone,
    /// also one with a base. Done already is success. `not_found` if there is no save there that was finished, since
    /// the host was started. Cancelled, it returns although the disk does not, and can be sealed again.
    [[nodiscard]] virtual Result<void> seal_save(const SaveSpec& save, Call& call) = 0;

    /// A machine like `boot` attaches, that stands still where the saved one stood. Whoever resumes it gives it its own
    /// identity first of all. `not_found` if there is no sealed save; `precondition` if this host or the spec does not
    /// fit it, in words that say what; on error nothing is left.
    [[nodiscard]] virtual Result<Attached<Machine>> restore(const RestoreSpec& spec, Call& call) = 0;

    /// From one instant on the machine writes to these disks, each in the place of the one with its role. Each stands
    /// over what that one holds. The machine may run. Done already is success, also where an earlier call was cut off
    /// at any point; on error all are as before.
    [[nodiscard]] virtual Result<void> swap_disks(const Handle& machine, const std::vector<Disk>& disks) = 0;
};

}  // namespace banger::sdk
