// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::sdk {

/// The path of a VMM's program by what the configuration has for it: a name to look up in PATH, or a path. Errors: those of
/// access(2), with the setting's name `key` to look at; `not_found` with `install_hint` for a name.
[[nodiscard]] Result<std::string> vmm_program(const std::string& configured, const std::string& key,
                                              const std::string& install_hint);

/// A text that is another one for any other file at that path, and for the same one after it was changed.
[[nodiscard]] Result<std::string> identity_of_program(const std::string& path);

}  // namespace banger::sdk
