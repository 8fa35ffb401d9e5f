// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "banger/sdk/agent_channel.hpp"
#include "banger/sdk/host.hpp"
#include "banger/sdk/network.hpp"
#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/storage.hpp"

namespace banger::sdk {

/// Everything a boot needs. Paths are absolute; the VMM itself runs with owner.directory as its working directory.
struct BootSpec {
    Owner owner;
    std::string kernel;              ///< uncompressed ELF vmlinux
    std::string initramfs;           ///< uncompressed cpio
    std::string command_line;        ///< without the console, which the provider adds
    std::uint32_t vcpus = 1;
    std::uint64_t memory_mib = 0;
    std::vector<Disk> disks;         ///< in this order; the guest finds each by serial == role, else by position
    std::vector<Link> links;
    bool discardable = false;        ///< true only for a VM that is never kept: a host crash may lose its disks
    bool forkable = false;           ///< it may be saved as a difference (vmm.snapshot/0), so from the start it is kept
                                     ///< track of what it writes; nothing to a provider that saves no differences
};

/// A VMM that runs.
struct Machine {
    std::string accelerator;                    ///< "kvm", "tcg", "none"
    ChannelKind channel = ChannelKind::none;    ///< what open_channel opens
};

/// vmm/0: one process per VM, in a session of its own; it outlives the daemon and holds none of its descriptors.
///
/// Its handle's `bound` has pid and start_time (clock ticks since boot, proc(5)); that of an attach may have in `pids` what else was
/// started for it, and before it, separated by blanks. Console output is appended to console.log in owner.directory. Crashes of
/// the daemon do not touch it: inspect finds it again by asking its API socket who listens there.
class Vmm : public Provider {
public:
    /// Names what attach is about to make; touches nothing.
    [[nodiscard]] virtual Result<std::vector<Handle>> plan(const BootSpec& spec) = 0;

    /// Starts the VMM and returns once the guest's processors run. On error nothing is left.
    [[nodiscard]] virtual Result<Attached<Machine>> attach(const BootSpec& spec, Call& call) = 0;

    /// Ends the VMM at once if it lives, removes its sockets, and returns when the process is gone (bounded: 10 s, then
    /// `timed_out`). Done already is success.
    [[nodiscard]] virtual Result<void> release(const Handle& handle) = 0;

    /// Whether the VMM lives. Never answers for a process that merely has the same pid. The fact `paused` is "true"
    /// while the processors stand still, whoever stopped them (VMMs do so by themselves, when a disk of the host is
    /// full), and "false" while they run; `saving` is "true" while a save is under way, which stops them sooner or
    /// later. Both are left out where the VMM does not answer within a moment, for which alone it is waited.
    [[nodiscard]] virtual Result<Inspection> inspect(const Handle& handle) = 0;

    /// Every VMM of this instance that lives, found without a journal.
    [[nodiscard]] virtual Result<std::vector<Handle>> list() = 0;

    /// Sends a signal to the VMM's process. `not_found` if it does not live.
    [[nodiscard]] virtual Result<void> kill(const Handle& handle, int signal) = 0;

    /// A connected stream to the guest's agent. Either it is there at once and bytes wait until the guest opens its
    /// end, or the call waits for that: as long as the call allows. `unsupported` if the machine has no channel.
    [[nodiscard]] virtual Result<os::UniqueFd> open_channel(const Handle& handle, Call& call) = 0;
};

}  // namespace banger::sdk
