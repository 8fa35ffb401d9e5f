// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace banger::images {

/// What is another once a file, or any file in a directory, was changed, added or removed: how many they are, their bytes,
/// and when the last one changed (st_ctim, inode(7)). Of what cannot be read only that it cannot.
[[nodiscard]] std::string change_mark(const std::string& path);

}  // namespace banger::images
