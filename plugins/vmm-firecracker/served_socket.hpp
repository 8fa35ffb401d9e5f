// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include "banger/sdk/handle.hpp"
#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/vmm_process.hpp"

namespace banger::firecracker {

/// A connection to a machine's Firecracker.
struct Served {
    sdk::os::UniqueFd socket;
    pid_t pid = 0;  ///< of that Firecracker
};

/// Connects to a socket that the machine's Firecracker serves, by its name in the VM's directory. Who serves it is looked at:
/// a jailed Firecracker that was taken over by its guest can have a link to somebody else's socket there, such as another
/// machine's, and who connects is outside of the jail and would follow it.
///
/// `not_found` if the machine does not live, `permission` if somebody else serves that socket.
sdk::Result<Served> connect_to(const sdk::VmmProcess& process, const sdk::Handle& machine, const char* socket_name);

}  // namespace banger::firecracker
