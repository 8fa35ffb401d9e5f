// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/context.hpp"

namespace banger::cli {

/// Whether there is a person to ask: a terminal to write the question on and one to read the answer from.
bool can_ask();

/// Asks on standard error; only "y" and "yes" are yes. `cancelled` on Ctrl-C.
sdk::Result<bool> ask(Context& context, const std::string& question);

}  // namespace banger::cli
