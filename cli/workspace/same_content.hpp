// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "cli/workspace/two_way_plan.hpp"

namespace banger::workspace {

/// Whether two files have the same in them, or two links lead to the same, read in pieces and only where the lengths are
/// equal. Nothing if one of them is gone, cannot be read, or is no longer the kind of file that `sides` says.
[[nodiscard]] std::optional<bool> have_same_content(const std::string& here, const std::string& there, const Sides& sides);

}  // namespace banger::workspace
