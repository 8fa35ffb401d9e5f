// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::sdk::os {

/// What can be read from a descriptor until its end; `invalid` above `most` bytes. `path` is for errors.
Result<std::string> read_all(int fd, const std::string& path, std::size_t most);

}  // namespace banger::sdk::os
