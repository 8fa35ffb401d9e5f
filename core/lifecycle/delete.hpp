// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {

/// Takes a VM away entirely: kernel objects, disks, directory, row, in this order, so that what is left after a crash is
/// still found from what remains. The caller holds the operation lock. Goes to its end once begun.
sdk::Result<void> remove_locked(Engine& engine, const model::VmRecord& vm, Operation& operation);

/// Its first half, all that a deletion promises: notes that the VM is deleted and ends its machine. Answers the record as it
/// is then.
sdk::Result<model::VmRecord> begin_removal(Engine& engine, const model::VmRecord& vm, Operation& operation);
/// Its second half. Can be repeated.
sdk::Result<void> remove_rest(Engine& engine, const model::VmRecord& vm, Operation& operation);

}  // namespace banger::lifecycle
