// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::sdk {

/// A program that comes with a plugin.
struct OwnProgram {
    std::string name;
    std::string plugin;       ///< whose it is, as its section of the configuration is called
    std::string key;          ///< of that section, which says another path; empty: none does
    std::string from_plugin;  ///< its path from the plugin's directory, as both are installed
};

/// Its path: the configured one; else by the file that `code`, an address of the caller's own, was loaded from, as
/// installed, as built (plugins below lib, programs in bin), or linked into a program. `not_found`, or what forbids to run
/// the configured one.
[[nodiscard]] Result<std::string> find_own_program(const OwnProgram& program, const std::string& configured,
                                                   const void* code);

}  // namespace banger::sdk
