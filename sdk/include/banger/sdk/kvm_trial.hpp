// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "banger/sdk/host.hpp"
#include "banger/sdk/os/process.hpp"

namespace banger::sdk {

// Whether guests run on this host's KVM. A /dev/kvm that opens proves nothing: in nested and container hosts it may answer
// and even make a processor, and then never run a guest. So a VMM is given a tiny one of our own.

/// Where `bare_kernel` puts its code: 1 MiB, above the BIOS's memory.
inline constexpr std::uint32_t bare_kernel_address = 0x100000;

/// A kernel made of nothing but `code`: a 64-bit ELF file. A VMM that knows PVH starts its first byte in 32-bit protected
/// mode without paging (Xen's docs/misc/pvh.pandoc, "PVH Start of Day"); one that does not, the byte at `entry_64` in long
/// mode (Documentation/arch/x86/boot.rst, 64-bit boot protocol).
[[nodiscard]] std::string bare_kernel(std::string_view code, std::uint32_t entry_64 = 0);

/// A kernel that does what every kernel does first: protected mode, paging, long mode, model-specific registers, an
/// exception of its own. Under a hypervisor that only pretends, one of these fails. At its end it writes trial_answer to
/// port 0xf4 (QEMU's isa-debug-exit), and then resets the machine by its keyboard controller.
[[nodiscard]] std::string trial_kernel();
inline constexpr int trial_answer = 0x2a;

/// How a guest on trial fared.
struct Trial {
    std::string problem;  ///< a few words; empty: it ran to its end
    bool in_time = true;  ///< false: its time was over, which a busy host may be the reason for
};

/// Runs a VMM, called `name` to a person, with that kernel, for at most ten seconds. It ran to its end if the VMM ends with
/// this status.
[[nodiscard]] Result<Trial> run_trial(os::Command vmm, int status, const std::string& name, Call& call);

/// Why no guest runs on KVM here, as a sentence; empty if one did. Asks the processor, then the device, then the trial,
/// unless its verdict is known; a new one is put there, but for that of a guest that was only too slow.
[[nodiscard]] Result<std::string> kvm_problem(std::optional<std::string>& verdict,
                                              const std::function<Result<Trial>()>& trial);

}  // namespace banger::sdk
