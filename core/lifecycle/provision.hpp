// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {

/// Names of the provisioners that run for a new VM, in their order (plugins::auto_order): all that plugins offer,
/// except "file-sync" without a [[file_sync]] in the configuration and "git-identity" where git_identity is off there.
/// With a [[file_sync]] the former is among them even if it cannot be had: what is asked for is not left out silently.
[[nodiscard]] std::vector<std::string> provisioners(const Engine& engine);

/// Whether all of them can be had: known before anything is made for a VM that needs them. The error of the first that
/// cannot.
sdk::Result<void> find_provisioners(Engine& engine);

/// Those that are to run, in their order, with what each gathered of this host.
using Gathered = std::vector<std::pair<std::string, sdk::Fields>>;

/// While the guest boots. The error of the first that fails; one that cannot be used here is a warning.
sdk::Result<Gathered> gather(Engine& engine, const model::VmRecord& vm, Operation& operation);

/// Runs them over a guest that takes commands. What they changed is on the guest's disk afterwards, unless the
/// VM is deleted anyway once it stops. The error of the first that fails.
sdk::Result<void> provision(Engine& engine, const model::VmRecord& vm, const Gathered& gathered, Operation& operation);

}  // namespace banger::lifecycle
