// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "banger/sdk/host.hpp"
#include "banger/sdk/jail.hpp"
#include "banger/sdk/machine_shape.hpp"
#include "banger/sdk/vmm_snapshot.hpp"
#include "config.hpp"

namespace banger::firecracker {

/// What a jailed Firecracker has of its VM's directory: a directory in there, which it works in. Its sockets are made there,
/// and links in the VM's directory lead to them.
inline constexpr const char* jail_name = "jail";
inline std::string jail_directory(const std::string& vm_directory)
{
    return vm_directory + "/" + jail_name;
}

/// FIFOs in it, by which a jailed Firecracker says what it says.
inline constexpr const char* console_stream = "console";
inline constexpr const char* log_stream = "log";
inline constexpr const char* metrics_stream = "metrics";

/// Where machines are started: in jails of the host's, or not, and why not.
class Jailing {
public:
    Jailing(sdk::Host& host, JailChoice choice) : host_(host), choice_(choice) {}

    /// What starts a machine of this host in a jail; nullptr where it is started without one, which is said in `why_not`.
    /// `unavailable` where the configuration requires one.
    [[nodiscard]] sdk::Result<sdk::Jails*> look(std::string& why_not, sdk::Call& call) const;

private:
    sdk::Host& host_;
    JailChoice choice_;
};

/// Whether the machine of this VM is jailed, or was when it ran last.
[[nodiscard]] bool has_jail(const std::string& vm_directory);

/// Whether a process has another root directory than this one.
[[nodiscard]] bool is_jailed(pid_t pid);

/// The same machine, as its Firecracker finds it in a jail.
[[nodiscard]] sdk::BootSpec inside(sdk::BootSpec spec);
/// The same with the save that it goes on from.
[[nodiscard]] sdk::RestoreSpec inside(sdk::RestoreSpec spec);

/// The jail of a Firecracker that is given these arguments, for a machine that boots or, with a `snapshot`, goes on from that
/// save. Errors: those of looking at a file that is handed in.
[[nodiscard]] sdk::Result<sdk::JailSpec> jail_of(const sdk::RestoreSpec& spec, const std::string& program,
                                                 const std::vector<std::string>& arguments);

/// A file of the host's gets this name in the directory of a jail that is there, in place of what had it: a second name (link(2)),
/// so both are on one file system. `unsupported` for what is no file, since a jail has the devices that it was made with.
[[nodiscard]] sdk::Result<void> hand_in(const std::string& path, const std::string& name);

/// What a jailed Firecracker saves says which files of the host it has open, and it may have been taken over by its guest. So a
/// save of one says that it is such a one: it goes on in a jail only, where there are no others.
[[nodiscard]] sdk::MachineShape as_of_a_jail(sdk::MachineShape shape);
/// Whether it is, and the shape without that.
[[nodiscard]] bool take_jail_from(sdk::MachineShape& shape);

}  // namespace banger::firecracker
