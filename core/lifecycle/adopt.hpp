// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/lifecycle/engine.hpp"
#include "core/lifecycle/liveness.hpp"

namespace banger::lifecycle {

/// Takes over a live VM whose daemon died. Whatever was being done to it then is given up: a machine that stands, or is
/// being saved, goes on, and freezes of its disks are ended as frozen or as never frozen. The caller holds the
/// operation lock. All of it is tried; an error is the first that happened, and the VM is watched in any case.
sdk::Result<void> adopt(Engine& engine, const model::VmRecord& vm, const Liveness& live, sdk::Call& call);

}  // namespace banger::lifecycle
