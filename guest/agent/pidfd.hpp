// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>

// glibc 2.36 forgot to mark this header's functions as C.
extern "C" {
#include <sys/pidfd.h>
}
