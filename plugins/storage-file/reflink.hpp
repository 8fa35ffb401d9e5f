// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::file {

/// Makes the empty file `to` share all blocks of `from` (FICLONE, ioctl_ficlone(2)); a write to either leaves the other
/// alone. `unsupported` if their file systems cannot, also because they are two.
[[nodiscard]] sdk::Result<void> clone_blocks(int from, int to);

/// Whether a file in one directory can be cloned into another: tried, on files without names.
[[nodiscard]] bool can_clone(const std::string& from_directory, const std::string& to_directory);

}  // namespace banger::file
