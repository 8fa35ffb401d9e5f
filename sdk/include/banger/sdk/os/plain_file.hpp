// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::sdk::os {

/// The whole of a file in a directory that somebody with fewer rights writes to: never waits for what is there instead, as a
/// FIFO, and follows no final symlink. `not_found` if it is not there; `invalid` if it is anything but a regular file, or above
/// `most` bytes.
Result<std::string> read_plain_file(const std::string& path, std::size_t most);

}  // namespace banger::sdk::os
