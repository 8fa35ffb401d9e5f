// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::tree {

/// Where a copy goes, as cp(1) has it: into `destination` under its own name where that is a directory or is written
/// with a final slash, else it becomes `destination`.
struct Target {
    std::string directory;
    std::string leaf;
};
/// Looks at the file system of this machine. `base` is the source's own name, "." for the content of a directory.
/// Errors: not_found when the directory for it does not exist.
sdk::Result<Target> target_of(const std::string& destination, const std::string& base);

}  // namespace banger::tree
