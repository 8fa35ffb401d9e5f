// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/context.hpp"

namespace banger::cli {

/// Says what has become of the machine whose shell or command ended, and what can be done with it. One that cut its
/// connection may just be powering off: that is waited for, but not for long. Returns the command's end, which is not the
/// guest's own if the machine ended with it.
sdk::Result<Exit> say_what_is_left(Context& context, const std::string& vm, sdk::Result<Exit> exit);

}  // namespace banger::cli
