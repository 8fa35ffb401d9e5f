// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/stale.hpp"

#include <algorithm>

#include "core/guest/agent_client.hpp"
#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/stop.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {
namespace {

constexpr std::chrono::seconds patience_for_power_off{30};
constexpr std::chrono::seconds patience_for_agent{5};

/// A session is a command at work although nobody has a stream to it. Of a guest that does not say there is none.
bool session_runs(Engine& engine, const model::VmRecord& vm, Operation& operation)
{
    auto agent = agent_of(engine, vm, operation, patience_for_agent);
    if (!agent)
        return false;
    const auto sessions = (*agent)->sessions({}, guest::Patience::of(patience_for_agent, operation.token()));
    return sessions && std::any_of(sessions->begin(), sessions->end(), [](const agent::SessionFacts& session) {
               return session.state == agent::SessionFacts::State::running;
           });
}

}  // namespace

Stale find_stale(Usage& usage, std::set<std::string>& watched, std::chrono::milliseconds limit)
{
    Stale stale;
    for (auto vm = watched.begin(); vm != watched.end();) {
        const auto idle = usage.idle(*vm);
        if (idle && *idle < limit) {
            stale.look_again = std::min(stale.look_again.value_or(limit), limit - *idle);
            ++vm;
            continue;
        }
        if (idle)
            stale.vms.push_back(*vm);
        vm = watched.erase(vm);
    }
    return stale;
}

sdk::Result<StaleStop> stop_if_stale(Engine& engine, const std::string& id, std::chrono::milliseconds limit,
                                     Operation& operation)
{
    auto locked = find_and_lock(engine, id, "auto-stopped", operation, std::chrono::milliseconds(0));
    if (!locked && locked.error().code == sdk::Code::not_found)
        return StaleStop::no_need;
    if (!locked && locked.error().code == sdk::Code::busy) {
        engine.usage.used(id);
        return StaleStop::in_use;
    }
    if (!locked)
        return std::move(locked).error();
    // A stream that an operation has for itself uses the guest as well.
    if (engine.agents.open_streams(id) > 0)
        engine.usage.used(id);
    const auto idle = engine.usage.idle(id);
    if (!idle || *idle < limit)
        return StaleStop::in_use;
    auto live = liveness_of(engine, locked->record);
    if (!live)
        return std::move(live).error();
    if (!live->alive)
        return StaleStop::no_need;
    if (session_runs(engine, locked->record, operation)) {
        engine.usage.used(id);
        return StaleStop::in_use;
    }
    if (auto stopped = stop_locked(engine, locked->record, *live, patience_for_power_off, operation); !stopped)
        return std::move(stopped).error();
    return StaleStop::stopped;
}

}  // namespace banger::lifecycle
