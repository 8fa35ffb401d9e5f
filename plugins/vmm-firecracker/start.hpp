// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/jail.hpp"
#include "banger/sdk/vmm.hpp"
#include "banger/sdk/vmm_process.hpp"
#include "machine_notes.hpp"
#include "messages.hpp"

namespace banger::firecracker {

/// Every Firecracker of a banger: how it is named and found.
inline sdk::VmmProcess firecracker_process()
{
    return {"firecracker", "--id"};
}

/// Starts a Firecracker in the VM's directory, with links to its disks there, or in a jail if `jails` is given, and tells it
/// all of this, in which paths are those that it finds. `noted` is written down of the machine. On error nothing is left.
sdk::Result<sdk::Attached<sdk::Machine>> start_firecracker(const std::string& program, const sdk::BootSpec& spec,
                                                           sdk::Jails* jails, const std::vector<Request>& requests,
                                                           const Noted& noted, const sdk::VmmProcess& process,
                                                           sdk::Call& call);

/// What a machine leaves in its directory beside its sockets and logs. Done already is success.
sdk::Result<void> remove_leftovers(const std::string& directory);

}  // namespace banger::firecracker
