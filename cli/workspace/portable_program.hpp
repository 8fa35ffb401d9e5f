// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace banger::workspace {

/// Whether a program of this host may be expected to run in another Linux of the same processor: a script, a static
/// program, or one that needs no libraries but the GNU C library's and its compiler's own, as what is published once for
/// every Linux does. Whether those are there, and new enough, only the other one can tell. False for what is no program
/// (ELF64, System V gABI chapters 4 and 5) or cannot be read.
[[nodiscard]] bool is_portable(const std::string& program);

}  // namespace banger::workspace
