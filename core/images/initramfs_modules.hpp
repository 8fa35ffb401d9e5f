// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::images {

/// Moves out of an unpacked `<modules>/<version>` what guest::modules_to_boot wants in an initramfs, and nothing else.
/// `target` is made and gets the modules at the same relative paths, synced, and a modules.dep (modules.dep(5)) of just
/// those. Both directories are on one file system.
/// Errors: corrupt for a modules.dep that is missing, leads outside or names a file that is not there.
sdk::Result<void> take_initramfs_modules(const std::string& from, const std::string& target);

}  // namespace banger::images
