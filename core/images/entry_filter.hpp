// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string_view>

#include "core/images/ext4_writer.hpp"

namespace banger::images {

enum class Verdict {
    keep,
    drop,   ///< leave the entry out
    empty,  ///< keep the entry, without its content; a hard link becomes an empty file
};

/// Decides about one entry by its path (relative, "" is the root directory) and may change its metadata.
/// A hard link is asked about as a regular file.
using EntryFilter = std::function<Verdict(std::string_view path, FileKind kind, Metadata& metadata)>;

/// What every image is freed of, so that two machines made from it share no identity and carry no leftovers:
/// ssh host keys and D-Bus' own machine id are dropped, /etc/machine-id is emptied, and /dev, /proc, /sys, /run and
/// /tmp are kept as empty directories.
EntryFilter pristine_root();

}  // namespace banger::images
