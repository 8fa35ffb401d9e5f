// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

namespace banger::agent {

/// Process 1 of a guest whose image brings no init that works: reaps children, and on SIGRTMIN+4 ends everything in
/// order and powers off.
[[noreturn]] void run_minimal_init(pid_t agent);

}  // namespace banger::agent
