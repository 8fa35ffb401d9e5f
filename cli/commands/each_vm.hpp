// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/context.hpp"

namespace banger::cli {

/// Calls a method for each VM in turn and prints each answer: as JSON, or "name" followed by `done`. One that fails is
/// reported and does not keep the others from their turn; the exit is `failed` then.
sdk::Result<Exit> for_each_vm(Context& context, const std::vector<std::string>& vms, const std::string& method,
                              const std::function<void(json::Object&)>& add_params, const std::string& done);

}  // namespace banger::cli
