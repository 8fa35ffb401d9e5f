// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "cli/arguments.hpp"

namespace banger::cli {

/// Every text fits 80 columns.
std::string help_of_program();
std::string help_of_group(std::string_view group);
std::string help_of_verb(const Syntax& syntax);

}  // namespace banger::cli
