// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "banger/sdk/result.hpp"

/// The files that persistent snapshots of device-mapper write to: a header, then one chunk of metadata for each 256
/// chunks of data, in turn (drivers/md/dm-snap-persistent.c of Linux, "struct disk_header"). They are sparse, and long
/// enough for every chunk of their disk: a snapshot never overflows, but the host's disk may.
namespace banger::dm::cow {

/// How long such a file is for a disk of so many bytes.
std::uint64_t length_for(std::uint64_t disk_bytes);

/// Makes a file with nothing in it, durably, under a name that nobody reads yet. `no_space` if the disk is full,
/// `unsupported` if no file can be that long here.
sdk::Result<void> make(const std::string& path, std::uint64_t disk_bytes);
/// Makes it long enough for a longer disk, durably. Nobody has it open.
sdk::Result<void> grow(const std::string& path, std::uint64_t disk_bytes);

enum class Validity {
    valid,
    /// The kernel could not write to it, say for want of room, and gave it up. The origin of our snapshots never
    /// changes, so nothing is wrong with what it holds: all that was noted in it before, as after a power cut.
    given_up,
};
/// `corrupt` if it is no such file.
sdk::Result<Validity> validity_of(const std::string& path);
/// Takes back that it was given up, durably. Nobody has it open.
sdk::Result<void> make_valid(const std::string& path);

}  // namespace banger::dm::cow
