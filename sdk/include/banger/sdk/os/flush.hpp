// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::sdk::os {

/// flush_file (file.hpp) of the file or block device at that path.
Result<void> flush_path(const std::string& path, int cancel_descriptor);

}  // namespace banger::sdk::os
