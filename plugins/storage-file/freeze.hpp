// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "banger/sdk/storage_fork.hpp"
#include "disk_files.hpp"
#include "freeze_note.hpp"

namespace banger::file {

/// One freeze of one disk, as its files tell of it. Its steps, each on the disk before the next:
///
///     a qcow2 disk                                    a raw disk
///     the note, "begun"                               the note, "begun"
///     the disk's top gets the layer's path as well    -
///     a new top over that                             -
///       (here the machine moves)                        (here it stands still)
///     the layer is flushed and made read-only         LAYER.new, a clone, flushed and read-only
///     -                                               LAYER.new gets the layer's path as well
///     the note, "frozen"                              the note, "frozen"; LAYER.new goes
///     the note goes                                   the note goes
class FreezeUnderWay {
public:
    /// Makes ready; on error nothing is left. See sdk::StorageFork::attach.
    static sdk::Result<sdk::Freeze> begin(const DiskFiles& files, const sdk::FreezeSpec& spec, const sdk::Call& call);
    /// The freeze of this disk that is under way, if there is one.
    static sdk::Result<std::optional<FreezeUnderWay>> find(const DiskFiles& files);

    [[nodiscard]] const std::string& layer_path() const { return note_.layer_path; }
    /// Whether the layer is there to stay. An error if it cannot be told who writes where.
    [[nodiscard]] sdk::Result<bool> is_frozen() const;
    [[nodiscard]] sdk::Result<sdk::Layer> commit();
    [[nodiscard]] sdk::Result<void> release();

private:
    FreezeUnderWay(DiskFiles files, FreezeNote note) : files_(std::move(files)), note_(std::move(note)) {}

    [[nodiscard]] std::string clone_path() const { return note_.layer_path + ".new"; }
    [[nodiscard]] sdk::Result<sdk::Freeze> prepare(const sdk::Disk& disk) const;
    [[nodiscard]] sdk::Result<sdk::Freeze> add_top(const sdk::Disk& disk) const;
    [[nodiscard]] sdk::Result<void> seal(const sdk::Disk& disk) const;
    [[nodiscard]] sdk::Result<void> clone(const sdk::Disk& disk) const;
    [[nodiscard]] bool has_top(const sdk::Disk& disk) const;
    [[nodiscard]] sdk::Result<void> undo() const;

    DiskFiles files_;
    FreezeNote note_;
};

}  // namespace banger::file
