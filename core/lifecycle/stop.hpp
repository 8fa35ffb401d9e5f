// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/lifecycle/delete.hpp"
#include "core/lifecycle/engine.hpp"
#include "core/lifecycle/liveness.hpp"

namespace banger::lifecycle {

/// Closes what is published of a VM and ends its VMM if it lives. What else the VM holds stays in its journal. The caller
/// holds the operation lock. On error the VMM may run on.
sdk::Result<void> end_machine(Engine& engine, const model::VmRecord& vm, Operation& operation);

/// The same, and notes that the VM is to be stopped: all that a stop promises. The rest is a teardown's (teardown.hpp).
sdk::Result<void> settle_machine(Engine& engine, model::VmRecord& vm, Operation& operation);

/// The same, and does a teardown's work. On error what is left stays in the journal.
sdk::Result<void> settle_stopped(Engine& engine, model::VmRecord& vm, Operation& operation);

/// Asks the guest to power off, waits at most `timeout`, then syncs and cuts; all that a stop promises. The caller holds
/// the operation lock, and has seen to it that the operation is not cancelled in the middle: a guest that was told to power
/// off cannot be told otherwise, and is never cut off by somebody who only stopped waiting.
sdk::Result<void> stop_locked(Engine& engine, model::VmRecord& vm, const Liveness& live,
                              std::chrono::milliseconds timeout, Operation& operation);

}  // namespace banger::lifecycle
