// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::sdk {

/// The path of a program that comes with a plugin, looked for from the file that holds `code`, which is the plugin's own: at
/// `installed`, as a path from there; as built, with plugins below lib and programs in bin; and beside it, where the
/// plugin's code is part of a program. `not_found` otherwise.
[[nodiscard]] Result<std::string> find_companion(const void* code, const std::string& name, const std::string& installed);

}  // namespace banger::sdk
