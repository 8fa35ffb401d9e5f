// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/own_scope.hpp"

#include <unistd.h>

#include <set>

#include "core/base/control_group.hpp"
#include "core/base/fault.hpp"
#include "core/lifecycle/look.hpp"

namespace banger::lifecycle {

std::vector<sdk::os::ProcessId> processes_in_group(const std::string& group, const std::vector<handles::Entry>& held,
                                                   handles::Operations& operations)
{
    std::vector<sdk::os::ProcessId> there;
    std::set<pid_t> pids;
    for (const auto& entry : held) {
        if (!entry.handle.bound.contains("pid"))
            continue;
        const auto inspected = operations.inspect(entry.handle);
        if (!inspected || !inspected->present)
            continue;
        pids.merge(processes_in(entry.handle.bound));
        pids.merge(processes_in(inspected->facts));
    }
    for (const pid_t pid : pids) {
        const auto id = sdk::os::identify(pid);
        if (id && base::group_of(pid).value_or("") == group && sdk::os::is_alive(*id))
            there.push_back(*id);
    }
    return there;
}

void give_own_scope(Engine& engine, const sdk::Owner& owner, const std::vector<handles::Entry>& held, Operation& operation)
{
    const std::string ours = base::group_of(::getpid()).value_or("");
    if (engine.scopes == nullptr || ours.find_first_not_of('/') == std::string::npos)
        return;  // systemd ends nothing here
    const auto span = operation.span("own scope");
    const units::ScopeSpec spec{owner, processes_in_group(ours, held, engine.operations)};
    if (spec.processes.empty() || !base::fault::reach("before own scope"))
        return;
    (void)engine.scopes->start(spec, operation);
}

}  // namespace banger::lifecycle
