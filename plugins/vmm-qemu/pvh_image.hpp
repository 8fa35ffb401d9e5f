// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::qemu {

/// Where `pvh_image` puts its code: 1 MiB, above the BIOS's memory.
inline constexpr std::uint32_t pvh_load_address = 0x100000;

/// A kernel for QEMU's -kernel made of nothing but `code`: a 64-bit ELF file with the note that makes QEMU start it, in
/// 32-bit protected mode without paging, at pvh_load_address (Xen's docs/misc/pvh.pandoc, "PVH Start of Day").
std::string pvh_image(std::string_view code);

/// Code that waits for ever without using the processor: cli; hlt; jmp to hlt.
inline constexpr std::string_view idle_code = "\xfa\xf4\xeb\xfd";

/// Code that does what every kernel does first, and then writes probe_answer to port 0xf4: protected mode, paging, long
/// mode, model-specific registers, an exception of its own. Under a hypervisor that only pretends, one of these fails.
std::string_view probe_code();

/// QEMU's exit status for the answer, by isa-debug-exit: (value << 1) | 1.
inline constexpr int probe_answer = 0x2a;
inline constexpr int probe_exit_status = (probe_answer << 1) | 1;

}  // namespace banger::qemu
