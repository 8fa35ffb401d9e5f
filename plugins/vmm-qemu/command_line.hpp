// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "banger/sdk/vmm.hpp"

namespace banger::qemu {

enum class Accelerator { kvm, tcg };

/// The numbers that the sockets have in QEMU. The links' sockets follow, one for each link that is a stream socket.
inline constexpr int api_descriptor = 3;
inline constexpr int agent_descriptor = 4;
inline constexpr int first_link_descriptor = 5;

/// QEMU's names for a disk: its role for the node of the disk's format, and for those that later take its place the
/// role, a point and a number; and of each the node below, which is the file. A role has no point in it.
inline std::string file_node(const std::string& node)
{
    return node + ".file";
}

/// A boot, with all that has to be found out on the host before the command line can be written.
struct Launch {
    std::string program;
    Accelerator accelerator = Accelerator::tcg;
    std::uint32_t translation_cache_mib = 512;
    std::vector<bool> disk_is_device;  ///< for each of spec.disks: a block device, not a regular file
    bool incoming = false;             ///< wait for a saved state, and stand still
};

/// Refuses what QEMU cannot be asked for, before anything is made: `invalid` for a request that is wrong in itself,
/// `unsupported` for a disk format or an attachment that this provider does not know.
sdk::Result<void> check(const sdk::BootSpec& spec);

/// The argument vector for a boot that `check` accepted. A pure function: the unit test compares it with a golden file.
std::vector<std::string> command_line(const sdk::BootSpec& spec, const Launch& launch);

}  // namespace banger::qemu
