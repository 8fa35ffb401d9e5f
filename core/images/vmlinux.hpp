// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::images {

struct Vmlinux {
    bool has_pvh = false;  ///< says where to enter it in 32-bit mode, so QEMU can boot it without a boot loader
};

/// Looks at an uncompressed kernel: a 64-bit x86 ELF executable (elf(5)), perhaps with the note
/// XEN_ELFNOTE_PHYS32_ENTRY (Xen's docs/misc/pvh, kernel Documentation/arch/x86/boot). `corrupt` if it is none.
sdk::Result<Vmlinux> inspect_vmlinux(const std::string& path);

}  // namespace banger::images
