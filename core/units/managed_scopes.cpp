// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/units/managed_scopes.hpp"

#include <poll.h>
#include <unistd.h>

namespace banger::units {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;

Result<void> ask_manager(const TransientScope& scope)
{
    auto manager = ServiceManager::connect();
    return manager ? manager->start_scope(scope) : std::move(manager).error();
}

bool has_ended(const sdk::os::UniqueFd& process)
{
    pollfd watch{process.get(), POLLIN, 0};
    return ::poll(&watch, 1, 0) != 0;
}

}  // namespace

ManagedScopes::ManagedScopes(StartScope start_scope) : start_scope_(start_scope ? std::move(start_scope) : ask_manager) {}

Result<std::string> ManagedScopes::probe(sdk::Call& /*call*/)
{
    if (auto manager = ServiceManager::connect(); !manager)
        return std::move(manager).error();
    return std::string(::geteuid() == 0 ? "systemd" : "your systemd");
}

Result<std::string> ManagedScopes::start(const ScopeSpec& spec, sdk::Call& /*call*/)
{
    if (spec.processes.empty())
        return make_error(Code::invalid, "no process is to have a scope");
    TransientScope scope;
    std::vector<sdk::os::UniqueFd> held;
    for (const auto& process : spec.processes) {
        auto watched = sdk::os::watch_process(process);
        if (!watched)
            return std::move(watched).error();
        held.push_back(std::move(*watched));
        scope.processes.push_back(process.pid);
    }
    // The VM's last one may still have a process that does not end. No two live at once with the same pid.
    scope.name = "banger-vm-" + spec.owner.instance + "-" + spec.owner.vm + "-" +
                 std::to_string(spec.processes.front().pid) + ".scope";
    scope.description = "banger's machine " + spec.owner.vm;
    if (auto started = start_scope_(scope); !started)
        return std::move(started).error();
    // A pid is free for others only after that. systemd 254 would take the descriptors themselves.
    for (std::size_t i = 0; i < held.size(); ++i)
        if (has_ended(held[i]))
            return make_error(Code::unavailable,
                              "process " + std::to_string(scope.processes[i]) + " ended while it was moved to " + scope.name);
    return scope.name;
}

}  // namespace banger::units
