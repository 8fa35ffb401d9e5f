// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::firecracker {

/// One request to Firecracker's API, as its published description (firecracker.yaml) has them. All that we ever send is
/// made by the functions below; tests/golden/firecracker_requests.txt has each of them, and
/// tests/golden/firecracker_api what the descriptions of some versions say of them.
struct Request {
    std::string verb;  ///< "PUT", "PATCH", "GET"
    std::string path;  ///< "/drives/root"
    std::string body;  ///< JSON; empty for GET
};

/// What to boot (BootSource).
Request boot_source(const std::string& kernel, const std::string& initramfs, const std::string& arguments);

/// Processors and memory (MachineConfiguration). `track_writes` is needed for saving differences later.
Request machine_config(std::uint32_t vcpus, std::uint64_t memory_mib, bool track_writes);

/// How much may go through a device in a second (RateLimiter); 0: any amount.
struct Rate {
    std::uint64_t bytes = 0;
    std::uint64_t operations = 0;

    [[nodiscard]] bool limits() const { return bytes != 0 || operations != 0; }
};

/// A disk before the boot (Drive). Only "Writeback" hands the guest's flushes on to the host's disk; "Unsafe", which is
/// Firecracker's default, drops them.
struct Drive {
    std::string id;
    std::string path;  ///< relative to Firecracker's working directory
    bool read_only = false;
    bool flushes = true;
    Rate rate;
};
Request drive(const Drive& drive);

/// Has a disk opened anew by this path, while the machine is there (PartialDrive).
Request reopen_drive(const std::string& id, const std::string& path);

/// What may go through a disk from here on, while the machine is there (PartialDrive).
Request limit_drive(const std::string& id, const Rate& rate);

/// A tap of the host by its name (NetworkInterface). The rate is that of each direction.
Request network_interface(const std::string& id, const std::string& mac, const std::string& tap, const Rate& rate);

/// What may go through it from here on, each direction (PartialNetworkInterface).
Request limit_network_interface(const std::string& id, const Rate& rate);

/// The agent's channel (Vsock): the socket that Firecracker makes, relative to its working directory.
Request vsock(const std::string& socket);

/// A source of random numbers (EntropyDevice).
Request entropy();

/// A balloon that takes nothing by itself (Balloon): the guest has all of its memory. With `reports`, its free pages go
/// back to the host as they become free, which Firecracker can since 1.14.
Request balloon(bool reports);

/// Processors run from here on (InstanceActionInfo).
Request start();

/// Processors stand still from here on, or run again (Vm). Done already is success.
Request pause();
Request resume();

/// Memory and devices of a machine that stands still, into two files (SnapshotCreateParams). Of a `difference` only the
/// pages that were written since the last save, or the boot, are written, over what the file has at their places.
Request create_snapshot(const std::string& devices, const std::string& memory, bool difference);

/// A save into no file, which fails: all that it does to a machine that stands still is to end what went through its vsock, and
/// to tell its guest so (Firecracker's docs/vsock.md, as of any save).
Request reset_channel();

/// A network device that had another tap when it was saved (NetworkOverride).
struct Tap {
    std::string id;
    std::string name;
};

/// A machine that is to stand still where another was saved (SnapshotLoadParams).
struct Load {
    std::string devices;
    std::string memory;
    std::vector<Tap> taps;
    bool track_writes = false;
    bool before_1_13 = false;  ///< where track_dirty_pages had another name
};
Request load_snapshot(const Load& load);

/// What it is and does (InstanceInfo).
Request describe();

enum class MachineState { not_started, running, paused };

/// Reads InstanceInfo. `internal` if it is none.
sdk::Result<MachineState> state_from(std::string_view body);

/// `vmm_version` of an InstanceInfo; none if the body is no such thing.
std::optional<std::string> vmm_version_from(std::string_view body);

/// `fault_message` of an Error; none if the body is no such thing.
std::optional<std::string> fault_from(std::string_view body);

}  // namespace banger::firecracker
