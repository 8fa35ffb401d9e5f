// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "banger/sdk/storage.hpp"

namespace banger::file {

/// storage/0 "file": a disk is a file in the VM's directory, `<role>.raw` or `<role>.qcow2`, and one more for each time
/// that a qcow2 disk was frozen (disk_files.hpp).
///
/// Where the file system can share blocks between files, the disk is a raw clone of its layer that stands alone; else
/// it is a qcow2 overlay and needs its layer for ever. Nothing is ever copied. The name tells the format because the
/// content cannot: a guest writes the first bytes of a raw disk, and could make it look like an overlay over any file
/// of the host.
///
/// A file needs no kernel object, so plan is empty, list is empty, and inspect finds nothing present: there is an
/// attachment to undo at no time. The handle that attach returns only names the disk.
///
/// Threads: any number; it keeps no state.
[[nodiscard]] std::unique_ptr<sdk::Storage> make_storage(sdk::Host& host);

}  // namespace banger::file
