// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "banger/sdk/noted_fork.hpp"
#include "disk_files.hpp"

namespace banger::file {

/// One freeze of one disk. Its steps, each on the disk before the next, between those of the note (sdk::NotedFork):
///
///              a qcow2 disk                                    a raw disk
///     check    its top is flushed                              it is flushed
///     prepare  the disk's top gets the layer's path as well    -
///              a new top over that                             -
///                (here the machine moves)                        (here it stands still)
///     seal     the layer is made read-only                     LAYER.new, a clone, read-only
///                                                              LAYER.new gets the layer's path as well
///     layer    -                                               LAYER.new goes
std::unique_ptr<sdk::DiskFreeze> make_freeze(DiskFiles files, std::string layer_path);

}  // namespace banger::file
