// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/context.hpp"

namespace banger::cli {

/// Prints what is known of the helper on this host: {"installed", "owner", "socket", "enabled", "running", "problem"}, and
/// what it says itself (core/rpc/helper.hpp) if it answers us.
[[nodiscard]] sdk::Result<Exit> show_helper(Context& context);

}  // namespace banger::cli
