// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::firecracker {

/// Whether a program needs libraries of the host's: an ELF file with the segment PT_INTERP (elf(5)). False for what is no
/// ELF file of 64 bits. Errors: those of reading it.
[[nodiscard]] sdk::Result<bool> has_interpreter(const std::string& program);

}  // namespace banger::firecracker
