// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/lifecycle/engine.hpp"

/// What verbs share that work on a VM that does not run. The caller holds its operation lock.
namespace banger::lifecycle {

/// `precondition` if it runs, saying what it "is only … while stopped" (such as "changed"), or if its deletion began.
sdk::Result<void> check_stopped(Engine& engine, const model::VmRecord& vm, const std::string& done_to_it);

/// Attaches the VM's writable disks as a start would (root first), so that they are as long as its record says, hands them
/// to `use`, and lets go of them whatever that answers.
sdk::Result<void> with_disks(Engine& engine, const model::VmRecord& vm, Operation& operation,
                             const std::function<sdk::Result<void>(const std::vector<sdk::Disk>& disks)>& use);

}  // namespace banger::lifecycle
