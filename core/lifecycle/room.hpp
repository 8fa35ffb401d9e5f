// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "banger/sdk/vmm_snapshot.hpp"
#include "core/lifecycle/engine.hpp"
#include "core/lifecycle/liveness.hpp"

/// What is done while room on the host's disk is scarce, so that a full one costs no guest its data. Below
/// `daemon.pause_below` no VM is started, and those that run are stopped where they are, if their VMM can; they go on once
/// there is twice as much. Rooms are in bytes.
namespace banger::lifecycle {

[[nodiscard]] inline std::uint64_t enough_room(std::uint64_t pause_below)
{
    return 2 * pause_below;
}

/// When to look at the room again: before even a fast disk could have filled what is left above the mark, and before this one
/// has if it goes on twice as fast as it was seen to.
[[nodiscard]] std::chrono::milliseconds until_next_look(std::uint64_t free, std::uint64_t pause_below,
                                                        std::uint64_t filled_per_second);

/// What is free on the file system that VMs' disks fill up, of which all of this speaks.
[[nodiscard]] sdk::Result<std::uint64_t> free_room(const Engine& engine);
/// "SIZE are free in DIRECTORY", of that.
[[nodiscard]] std::string how_much_is_free(const Engine& engine, std::uint64_t free);

/// What is said while no VM may run: `no_space`.
[[nodiscard]] sdk::Error no_room(const Engine& engine, std::uint64_t free);
/// That, below the mark.
[[nodiscard]] sdk::Result<void> check_room(const Engine& engine);

/// What its VMM stops a VM with, and lets it go on; null if it cannot.
[[nodiscard]] sdk::Result<std::shared_ptr<sdk::VmmSnapshot>> power_to_pause(Engine& engine, const model::VmRecord& vm);

enum class Paused {
    yes,         ///< by this, or it stood already: its VMM met the full disk first
    called_off,  ///< it was being started, which ends for want of room
    later,       ///< somebody works on it, or it is being saved
    not_running,
    cannot,      ///< its VMM has no such power
};
[[nodiscard]] sdk::Result<Paused> pause_for_room(Engine& engine, const std::string& id, std::uint64_t free,
                                                 Operation& operation);

/// Lets one go on that was paused so. Nothing if it is not, or somebody works on it.
[[nodiscard]] sdk::Result<void> resume_with_room(Engine& engine, const std::string& id, Operation& operation);

/// Lets one go on that stands although nobody works on it: its VMM met a full disk that is not full any more. Whether it did.
[[nodiscard]] sdk::Result<bool> resume_if_it_stands(Engine& engine, const std::string& id, Operation& operation);

/// The roles of a VM's disks that its storage gave up, since they could not be written to: their guest sees errors until the
/// VM is started again. The provider's error if it does not say.
[[nodiscard]] sdk::Result<std::vector<std::string>> failed_disks(Engine& engine, const model::VmRecord& vm);

/// As resume_with_room, for whoever has its lock and needs its guest, say to power it off.
[[nodiscard]] sdk::Result<void> wake(Engine& engine, const model::VmRecord& vm, const Liveness& live);

/// Why nobody answers in it: `precondition`.
[[nodiscard]] sdk::Error waits_for_room(const model::VmRecord& vm);

}  // namespace banger::lifecycle
