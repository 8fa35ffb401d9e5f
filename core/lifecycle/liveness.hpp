// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {

/// Whether a VM is alive, and its VMM's handle as it is now.
struct Liveness {
    bool alive = false;
    sdk::Handle vmm;   ///< with bound pid and start_time when alive
    sdk::Fields facts; ///< of the VMM, such as its accelerator
};

/// The one function that says whether a VM is alive: it asks the VMM's provider, never a file alone. A live process is
/// preferred over what a journal says.
sdk::Result<Liveness> liveness_of(Engine& engine, const model::VmRecord& vm);

/// A descriptor that becomes readable when the VMM with this bound handle has ended. `not_found` if it has; other
/// errors do not say that.
sdk::Result<sdk::os::UniqueFd> watch_vmm(const sdk::Handle& vmm);

/// Returns when the VMM is gone. `timed_out`, or `cancelled` with the operation.
sdk::Result<void> wait_until_gone(const Liveness& live, std::chrono::milliseconds timeout, const Operation& operation);

}  // namespace banger::lifecycle
