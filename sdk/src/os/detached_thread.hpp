// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "banger/sdk/result.hpp"

namespace banger::sdk::os {

/// Runs `work` on a thread of its own, for a call of the kernel's that nothing interrupts: whoever waits for it may give up,
/// and the thread goes on. It takes no signal of this process. `unavailable` if there are no threads left.
Result<void> start_detached(std::function<void()> work);

}  // namespace banger::sdk::os
