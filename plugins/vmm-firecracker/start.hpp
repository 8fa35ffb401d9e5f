// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "banger/sdk/jail.hpp"
#include "banger/sdk/vmm_snapshot.hpp"
#include "banger/sdk/vmm_process.hpp"
#include "machine_notes.hpp"
#include "messages.hpp"

namespace banger::firecracker {

/// Every Firecracker of a banger: how it is named and found.
inline sdk::VmmProcess firecracker_process()
{
    return {"firecracker", "--id"};
}

/// A Firecracker, and the machine that it is to have.
struct Start {
    std::string program;
    sdk::RestoreSpec spec;            ///< without a `snapshot` it boots
    sdk::Jails* jails = nullptr;      ///< what makes its jail; none: it has none
    std::vector<Request> requests;    ///< all that it is told, with paths as it finds them
    Noted noted;                      ///< written down of the machine
    std::chrono::milliseconds patience;  ///< with its API, and with each answer
};

/// Starts it in the VM's directory, with links to its disks there, or in a jail. On error nothing is left.
sdk::Result<sdk::Attached<sdk::Machine>> start_firecracker(const Start& start, const sdk::VmmProcess& process,
                                                           sdk::Call& call);

/// What a machine leaves in its directory beside its sockets and logs. Done already is success.
sdk::Result<void> remove_leftovers(const std::string& directory);

}  // namespace banger::firecracker
