// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "banger/sdk/freeze_note.hpp"
#include "banger/sdk/storage_fork.hpp"
#include "disk_files.hpp"

namespace banger::dm {

/// One freeze of one disk, as its files and the kernel tell of it. The VMM's device keeps its name, and what is below it
/// changes. Its steps, in order:
///
///     begin     the disk is flushed; the note, "begun"
///               what it writes to gets the layer's path as well, and its note that path and ".note"
///               a new, empty top over that
///               (attached only) a device for the layer, which fails; its table waits: the same origin and cow
///               (attached only) the disk's next table waits: over that device, into the new top
///     commit    (attached only) the disk is flushed and suspended; the layer's device takes what the kernel knows of the
///               cow from the disk's, by being resumed; the disk is resumed
///               the layer is flushed and made read-only; the note, "frozen"
///     release   the note goes
///
/// A new top is empty: without a device, whatever a crash left, the newest one is right.
/// docs/decisions/0013-swapping-layers-under-a-running-vm.md has how the kernel was found to do this.
class FreezeUnderWay {
public:
    /// Makes ready; on error nothing is left. See sdk::StorageFork::attach.
    static sdk::Result<sdk::Freeze> begin(sdk::Host& host, const DiskFiles& files, const sdk::FreezeSpec& spec,
                                          const sdk::Call& call);
    /// The freeze of this disk that is under way, if there is one.
    static sdk::Result<std::optional<FreezeUnderWay>> find(sdk::Host& host, const DiskFiles& files,
                                                           const sdk::Owner& owner);

    [[nodiscard]] const std::string& layer_path() const { return note_.layer_path; }
    /// Whether the layer is there to stay.
    [[nodiscard]] sdk::Result<bool> is_frozen() const;
    [[nodiscard]] sdk::Result<sdk::Layer> commit();
    [[nodiscard]] sdk::Result<void> release();

private:
    FreezeUnderWay(sdk::Host& host, DiskFiles files, const sdk::Owner& owner, sdk::FreezeNote note);

    [[nodiscard]] sdk::Result<void> prepare(const DiskFiles::Top& disk) const;
    [[nodiscard]] sdk::Result<void> load_tables(const DiskFiles::Top& top) const;
    [[nodiscard]] sdk::Result<void> move(const DiskFiles::Top& top) const;
    [[nodiscard]] sdk::Result<bool> has_handed_over() const;
    [[nodiscard]] bool has_top(const DiskFiles::Top& top) const { return top.note.layer.path == layer_path(); }
    [[nodiscard]] sdk::Result<void> undo() const;
    [[nodiscard]] sdk::Result<void> undo_devices() const;

    sdk::Host& host_;
    DiskFiles files_;
    std::string device_;
    sdk::FreezeNote note_;
};

}  // namespace banger::dm
