// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/os/fd.hpp"

namespace banger::cli::testing {

/// The far end of a tool of the agent (guest/agent/tools.hpp) in a guest that is this machine: the real one runs here,
/// until the stream ends.
void run_local_tool(sdk::os::UniqueFd stream, const std::string& tool, const std::vector<std::string>& arguments);

}  // namespace banger::cli::testing
