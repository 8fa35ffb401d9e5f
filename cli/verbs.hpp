// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/command_line.hpp"

namespace banger::cli {

/// One entry of the table of commands.
struct Verb {
    std::string_view path;  ///< "vm run", or one word
    Syntax (*syntax)();
    sdk::Result<Command> (*parse)(const Arguments& arguments);
};

/// Verbs that belong together under one word.
struct Group {
    std::string_view name;
    std::string_view summary;
    std::vector<Example> examples;
};

const std::vector<Verb>& verbs();
const std::vector<Group>& groups();

}  // namespace banger::cli
