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
    std::optional<Disk> top;  ///< where the VMM must write from the instant on. None: it goes on where it writes, and
                              ///< stands still while commit runs, for all its disks
};

/// storage.fork/0: turns what a disk holds into a layer that other disks may stand on, and lets the disk go on above
/// it. An optional power of a storage/0 provider of the same name. The disk's key stays (vm, role).
///
/// All that takes time is done by attach, while the machine runs; then comes the instant, the same for all disks of a
/// machine: either the VMM is told to write to the new tops (vmm.snapshot/0, swap_disks), or it stands still; then
/// commit. A freeze under way is journalled like anything else that must not be forgotten, and stays so until whoever
/// began it has written down what the disk stands on.
///
/// Crashes: whenever the daemon dies, or the host, nothing that a guest flushed is lost: before release and without it
/// storage/0 attaches the disk with all of it. Of a freeze that a new daemon finds, inspect says whether it is frozen;
/// if so, commit tells the layer, to be written down; then release. Before commit nobody makes a disk over the layer.
///
/// Layers that nobody wrote down: release may come from whoever only ends things, as a daemon does that adopts a machine
/// or stops it, without commit. The layer of a frozen disk stays all the same, and from then on only the disk tells of
/// it: storage/0 attaches it by the layer that the record has, and answers with the one that it stands on. So that
/// answer, and not the record, says which layers are needed. A clone, on which its disk does not stand, is nobody's then.
class StorageFork : public Provider {
public:
    /// Names the freeze; touches nothing.
    [[nodiscard]] virtual Result<std::vector<Handle>> plan(const FreezeSpec& spec) = 0;

    /// Makes ready: flushes the disk and makes its new top. The machine goes on undisturbed. `exists` if something is
    /// at the layer's path; `busy` while another freeze of the disk is under way; `precondition` if the disk stands on
    /// as many layers as the provider bears; `unsupported` if this host cannot tell later who wrote where; on error
    /// nothing is left.
    [[nodiscard]] virtual Result<Attached<Freeze>> attach(const FreezeSpec& spec, Call& call) = 0;

    /// The instant, for a disk without a new top. From here on the layer is read-only, survives a crash of the host,
    /// and never changes. Done already, also by a release that was cut short, is success; `precondition` while somebody
    /// still writes to what is to be the layer; `not_found` if no freeze is under way.
    [[nodiscard]] virtual Result<Layer> commit(const Handle& handle) = 0;

    /// Ends the freeze; the layer stays if it is frozen, written down or not. A freeze that was not committed is finished if the machine has
    /// moved to the new top, or nobody writes any more: an empty top reads the same as what it stands on. It is undone
    /// as if it had never been if the machine still writes where it did. Where that cannot be told it is an error, and
    /// nothing changes. Done already is success.
    [[nodiscard]] virtual Result<void> release(const Handle& handle) = 0;

    /// Present while the freeze is under way. Facts: `layer`, its path; `frozen`, "yes" if release leaves the layer.
    [[nodiscard]] virtual Result<Inspection> inspect(const Handle& handle) = 0;

    /// Every freeze of this instance under way, found without a journal.
    [[nodiscard]] virtual Result<std::vector<Handle>> list() = 0;

    /// Deletes a layer that no disk stands on any more, which is the caller's to know. Done already is success; `busy`
    /// while the host knows of somebody.
    [[nodiscard]] virtual Result<void> destroy(const Layer& layer) = 0;
};

}  // namespace banger::sdk
