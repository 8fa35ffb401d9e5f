// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace banger::file_sync {

/// The home of the user that this process runs as: HOME if that is an absolute path, else what passwd(5) says; "/" if
/// nobody knows.
[[nodiscard]] std::string home_directory();

/// A path of the host as the configuration has it, with "~" replaced by `home`.
[[nodiscard]] std::string expanded(const std::string& path, const std::string& home);

}  // namespace banger::file_sync
