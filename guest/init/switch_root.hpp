// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "banger/sdk/result.hpp"

namespace banger::agent {

/// Makes the mounted root file system the root of the machine and gives the initramfs's memory back. The agent,
/// chrooted there already, does not notice. Errors: those of the operating system.
[[nodiscard]] sdk::Result<void> switch_root();

}  // namespace banger::agent
