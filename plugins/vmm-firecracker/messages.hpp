// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::firecracker {

/// One request to Firecracker's API, as its published description (firecracker.yaml) has them. All that we ever send is
/// made by the functions below; tests/golden/firecracker_requests.txt has each of them.
struct Request {
    std::string verb;  ///< "PUT", "PATCH", "GET"
    std::string path;  ///< "/drives/root"
    std::string body;  ///< JSON; empty for GET
};

/// What to boot (BootSource).
Request boot_source(const std::string& kernel, const std::string& initramfs, const std::string& arguments);

/// Processors and memory (MachineConfiguration). `track_writes` is needed for saving differences later.
Request machine_config(std::uint32_t vcpus, std::uint64_t memory_mib, bool track_writes);

/// A disk before the boot (Drive). Only "Writeback" hands the guest's flushes on to the host's disk; "Unsafe", which is
/// Firecracker's default, drops them.
struct Drive {
    std::string id;
    std::string path;  ///< relative to Firecracker's working directory
    bool read_only = false;
    bool flushes = true;
};
Request drive(const Drive& drive);

/// A tap of the host by its name (NetworkInterface).
Request network_interface(const std::string& id, const std::string& mac, const std::string& tap);

/// The agent's channel (Vsock): the socket that Firecracker makes, relative to its working directory.
Request vsock(const std::string& socket);

/// A source of random numbers (EntropyDevice).
Request entropy();

/// Processors run from here on (InstanceActionInfo).
Request start();

/// What it is and does (InstanceInfo).
Request describe();

enum class MachineState { not_started, running, paused };

/// Reads InstanceInfo. `internal` if it is none.
sdk::Result<MachineState> state_from(std::string_view body);

/// `fault_message` of an Error; none if the body is no such thing.
std::optional<std::string> fault_from(std::string_view body);

}  // namespace banger::firecracker
