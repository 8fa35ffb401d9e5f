// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "banger/sdk/result.hpp"

namespace banger::user {

/// Gives up for ever all that a relay between open sockets does not need: as root the user becomes nobody (uid and gid
/// 65534, as passt does), no program can give privileges back, and every system call is refused except those that move
/// bytes, wait and end (seccomp(2)). Call it last, with every buffer to come already possible: memory may still grow.
[[nodiscard]] sdk::Result<void> enter_sandbox();

}  // namespace banger::user
