// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "banger/sdk/result.hpp"

namespace banger::file {

/// An empty qcow2 image over another file: every read falls through to the backing file, and reads zeros beyond its end.
struct Qcow2Overlay {
    std::uint64_t bytes = 0;              ///< virtual size, a multiple of 512
    std::string backing_path;             ///< absolute
    std::string backing_format = "raw";   ///< always named, never guessed from what a guest may have written
};

/// Writes such an image into an empty, writable file: a few hundred bytes in a sparse file, whatever the size. Its
/// level-1 table has room for 16 TiB at least, so that growing it later is one small write.
/// `invalid` for a path or a size that the format cannot hold.
///
/// Format: QEMU's docs/interop/qcow2.txt, version 3. Made here because starting qemu-img costs more than all the rest.
[[nodiscard]] sdk::Result<void> write_qcow2_overlay(int fd, const Qcow2Overlay& overlay);

/// What an image's header says. `corrupt` if it is no qcow2 image of version 3 that names a backing file with its
/// format.
[[nodiscard]] sdk::Result<Qcow2Overlay> read_qcow2_overlay(int fd);

/// Whether anything was ever written to the image: its level-1 table names level-2 tables then. `corrupt` if it is no
/// qcow2 image.
[[nodiscard]] sdk::Result<bool> has_own_data(int fd);

/// Makes such an image longer, and returns once that is on the disk. A crash leaves the old length or the new one: what
/// counts is one write within a sector. Nobody else may have the image open. `unsupported` if its level-1 table has no
/// room for that length, `invalid` if it would become shorter.
[[nodiscard]] sdk::Result<void> grow_qcow2_overlay(int fd, std::uint64_t bytes);

}  // namespace banger::file
