// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {

/// `precondition` for a VM whose deletion began.
sdk::Result<void> check_whole(const model::VmRecord& vm);

/// Takes a stopped VM to running, or leaves no trace of having tried. The caller holds the operation lock. If the guest
/// never answered, `guest_silent` is set: its console log is worth keeping.
sdk::Result<void> start_locked(Engine& engine, model::VmRecord& vm, Operation& operation, bool& guest_silent);

}  // namespace banger::lifecycle
