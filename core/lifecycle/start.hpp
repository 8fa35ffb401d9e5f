// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {

/// `precondition` for a VM whose deletion began.
sdk::Result<void> check_whole(const model::VmRecord& vm);

/// Takes a stopped VM to running, or leaves no trace of having tried. The caller holds the operation lock. If the guest
/// never answered, `guest_silent` is set: its console log is worth keeping.
sdk::Result<void> start_locked(Engine& engine, model::VmRecord& vm, Operation& operation, bool& guest_silent);

/// The same of a VM that was made before, whose record says meanwhile that it is being started: a daemon that comes after one that
/// died ends it at once, and does not wait for a guest that was never told who it is to shut down.
sdk::Result<void> start_stopped(Engine& engine, model::VmRecord& vm, Operation& operation);

}  // namespace banger::lifecycle
