// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/lifecycle/engine.hpp"
#include "core/lifecycle/delete.hpp"

namespace banger::lifecycle {

/// Ends the VMM if it lives, undoes all that the VM holds, and notes that it is to be stopped. The caller holds the
/// operation lock. On error what is left stays in the journal.
sdk::Result<void> settle_stopped(Engine& engine, model::VmRecord& vm, Operation& operation);

}  // namespace banger::lifecycle
