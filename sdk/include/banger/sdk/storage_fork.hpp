// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/host.hpp"
#include "banger/sdk/storage.hpp"

namespace banger::sdk {

/// A disk whose content at one instant is to become a layer.
struct FreezeSpec {
    DiskSpec disk;           ///< as it was attached
    std::string layer_path;  ///< absolute; nothing is there yet; on the disk's own file system
};

/// A freeze that is ready to happen.
struct Freeze {
    Layer layer;              ///< what the spec's layer_path is from the instant on
    std::optional<Disk> top;  ///< where the VMM must write from the instant on; none: it goes on where it writes
    bool standing = false;    ///< the machine must stand still while `commit` runs
};

/// storage.fork/0: turns what a disk holds into a layer that other disks may stand on, and lets the disk go on above
/// it. An optional power of a storage/0 provider of the same name. The disk's key stays (vm, role).
///
/// All that takes time is done by attach, while the machine runs; then comes the instant, the same for all disks of a
/// machine: either the VMM is told to write to the new tops (vmm.snapshot/0, swap_disks), or it stands still; then
/// commit. A freeze under way is journalled like anything else that must not be forgotten.
///
/// Crashes: whenever the daemon dies, release brings the disk to one of two states, frozen or never frozen, and nothing
/// that a guest flushed is lost. Before commit nobody may make a disk over the layer.
class StorageFork : public Provider {
public:
    /// Names the freeze; touches nothing.
    [[nodiscard]] virtual Result<std::vector<Handle>> plan(const FreezeSpec& spec) = 0;

    /// Makes ready: flushes the disk and makes its new top. The machine goes on undisturbed. `exists` if something is
    /// at the layer's path; `busy` while another freeze of the disk is under way; on error nothing is left.
    [[nodiscard]] virtual Result<Attached<Freeze>> attach(const FreezeSpec& spec, Call& call) = 0;

    /// The instant. From here on the layer never changes. Done already is success; `not_found` without an attach.
    [[nodiscard]] virtual Result<Layer> commit(const Handle& handle) = 0;

    /// Ends a freeze that was not committed: undone if the VMM still writes to the old top, finished if it writes to
    /// the new one or nobody says where it wrote last. Done already, and committed, is success.
    [[nodiscard]] virtual Result<void> release(const Handle& handle) = 0;

    /// Present while the freeze is under way.
    [[nodiscard]] virtual Result<Inspection> inspect(const Handle& handle) = 0;

    /// Every freeze of this instance under way, found without a journal.
    [[nodiscard]] virtual Result<std::vector<Handle>> list() = 0;
};

}  // namespace banger::sdk
