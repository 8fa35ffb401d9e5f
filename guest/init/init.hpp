// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

namespace banger::agent {

/// Process 1 in the initramfs: loads drivers, starts the agent, waits until the agent has prepared the root file
/// system, then becomes the image's init or a minimal one of ours. Never returns: on failure it says so on the console
/// and powers off.
[[noreturn]] void run_init(int argc, char** argv);

}  // namespace banger::agent
