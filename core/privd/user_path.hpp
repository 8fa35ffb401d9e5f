// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::privd {

/// Whether a path is absolute, written in one way only (no empty part, no "." and no ".."), and has nothing in it that is no
/// text: `invalid` otherwise.
[[nodiscard]] sdk::Result<void> check_form(const std::string& path);

/// What is there, reached by no symbolic link (openat2(2), RESOLVE_NO_SYMLINKS), and none of it opened (O_PATH), so that a
/// FIFO or a device does not mind. `permission` where a link is on the way; errors of openat2(2).
[[nodiscard]] sdk::Result<sdk::os::UniqueFd> open_named(const std::string& path);

}  // namespace banger::privd
