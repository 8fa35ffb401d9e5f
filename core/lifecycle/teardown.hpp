// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "core/lifecycle/engine.hpp"

/// What a stop or deletion leaves to do once its VM's machine has ended and the store says what was decided: kernel
/// objects, disks, directory, row. It is done behind the answer, under the VM's operation lock
/// (docs/decisions/0039-teardown-behind-the-answer.md).
namespace banger::lifecycle {

/// Releases all that a VM holds and, if its record says so, removes the rest of it. Can be repeated: on error what is left
/// is in its journal and its row. The caller holds the operation lock.
sdk::Result<void> tear_down(Engine& engine, const model::VmRecord& vm, Operation& operation);

/// Has that done later, and at once where no daemon would. A VM that is deleted is hidden meanwhile; one that holds nothing
/// and stays is only unlocked.
sdk::Result<void> leave_to_teardown(Engine& engine, LockedVm vm, Operation& operation);

/// For a verb that ends with this error, which it hands on: what the VM holds without running, or what is left of one that
/// is deleted, is left to a teardown.
sdk::Error leave_rest(Engine& engine, LockedVm&& vm, sdk::Error error);

/// Says of a VM that nobody else works on, and that does not run or is deleted, that something is left of it; nothing if it is
/// as it should be.
std::optional<std::string> unfinished(Engine& engine, const model::VmRecord& vm);

/// The same of any VM for whoever only looks: of one in teardown that it is, and nothing of one that is worked on otherwise.
std::optional<std::string> left_of(Engine& engine, const model::VmRecord& vm);

/// Returns when a VM is in no teardown (any more): for whoever needs its name, say, and not its lock. `busy` after `deadline`;
/// `cancelled` with the operation.
sdk::Result<void> await_teardown(Engine& engine, const model::VmRecord& vm, Operation& operation, base::Deadline deadline);

/// The same for all that are under way, or for those of VMs that are `meant`, and no longer than patience_for_lock: the ids of
/// VMs whose has not ended.
std::set<std::string> await_teardowns(Engine& engine, Operation& operation,
                                      const std::function<bool(const model::VmRecord& vm)>& meant = {});

}  // namespace banger::lifecycle
