// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {

/// The living processes that handles name and that are in a control group (base::group_of).
[[nodiscard]] std::vector<sdk::os::ProcessId> processes_in_group(const std::string& group,
                                                                 const std::vector<handles::Entry>& held,
                                                                 handles::Operations& operations);

/// Moves a VM's processes into a scope of their own (docs/decisions/0015-whose-control-group.md), so that they outlive
/// whatever ends the daemon's control group. What is not in that, as a jailed VMM in its service, stays where it is. Where it
/// fails all stay, and the VM is as good as any other: whoever makes scopes has said why.
void give_own_scope(Engine& engine, const sdk::Owner& owner, const std::vector<handles::Entry>& held, Operation& operation);

}  // namespace banger::lifecycle
