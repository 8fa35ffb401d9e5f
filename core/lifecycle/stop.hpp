// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/lifecycle/delete.hpp"
#include "core/lifecycle/engine.hpp"
#include "core/lifecycle/liveness.hpp"

namespace banger::lifecycle {

/// Ends the VMM if it lives, undoes all that the VM holds, and notes that it is to be stopped. The caller holds the
/// operation lock. On error what is left stays in the journal.
sdk::Result<void> settle_stopped(Engine& engine, model::VmRecord& vm, Operation& operation);

/// Asks the guest to power off, waits at most `timeout`, then syncs and cuts. The caller holds the operation lock, and
/// has seen to it that the operation is not cancelled in the middle: a guest that was told to power off cannot be told
/// otherwise, and is never cut off by somebody who only stopped waiting.
sdk::Result<void> stop_locked(Engine& engine, model::VmRecord& vm, const Liveness& live,
                              std::chrono::milliseconds timeout, Operation& operation);

}  // namespace banger::lifecycle
