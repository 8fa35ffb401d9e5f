// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/exit.hpp"

namespace banger::cli {

/// Runs one command line, the words after the program's name, with this process's streams. Errors are printed here.
Exit run_app(const std::vector<std::string>& words);

/// Ends the process as `exit` says: with that status, or by that signal.
[[noreturn]] void leave(const Exit& exit);

}  // namespace banger::cli
