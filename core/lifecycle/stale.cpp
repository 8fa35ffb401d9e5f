// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/stale.hpp"

#include <algorithm>

#include "core/guest/agent_client.hpp"
#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/stop.hpp"
#include "core/lifecycle/teardown.hpp"

namespace banger::lifecycle {
namespace {

enum class Sessions { none, run, unknown };

/// A session is a command at work although nobody has a stream to it. An agent that knows of no sessions has none.
Sessions sessions_in(Engine& engine, const model::VmRecord& vm, std::chrono::milliseconds patience, Operation& operation)
{
    auto agent = agent_of(engine, vm, operation, patience);
    if (!agent)
        return Sessions::unknown;
    const auto sessions = (*agent)->sessions({}, guest::Patience::of(patience, operation.token()));
    if (!sessions)
        return sessions.error().code == sdk::Code::unsupported ? Sessions::none : Sessions::unknown;
    const bool run = std::any_of(sessions->begin(), sessions->end(), [](const agent::SessionFacts& session) {
        return session.state == agent::SessionFacts::State::running;
    });
    return run ? Sessions::run : Sessions::none;
}

}  // namespace

Stale find_stale(Usage& usage, Watched& watched)
{
    Stale stale;
    for (auto entry = watched.begin(); entry != watched.end();) {
        const auto& [vm, limit] = *entry;
        const auto idle = usage.idle(vm);
        if (idle && *idle < limit) {
            stale.look_again = std::min(stale.look_again.value_or(limit), limit - *idle);
            ++entry;
            continue;
        }
        if (idle)
            stale.vms.push_back(vm);
        entry = watched.erase(entry);
    }
    return stale;
}

sdk::Result<StaleStop> stop_if_stale(Engine& engine, const std::string& id, std::chrono::milliseconds limit,
                                     Operation& operation, const StalePatience& patience)
{
    auto locked = find_and_lock(engine, id, "auto-stopped", operation, patience.work);
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
    const bool paused = engine.standing.has(id);  // until there is room: its agent cannot answer
    const auto sessions = paused ? Sessions::run : sessions_in(engine, locked->record, patience.sessions, operation);
    if (sessions == Sessions::run) {
        engine.usage.used(id);
        return StaleStop::in_use;
    }
    if (sessions == Sessions::unknown && *idle < limit_of_silent(limit))
        return StaleStop::silent;
    if (auto wanted = operation.check(); !wanted)
        return std::move(wanted).error();
    operation.commit();
    if (auto stopped = stop_locked(engine, locked->record, *live, patience.power_off, operation); !stopped)
        return leave_rest(engine, std::move(*locked), std::move(stopped).error());
    if (auto left = leave_to_teardown(engine, std::move(*locked), operation); !left)
        return std::move(left).error();
    return StaleStop::stopped;
}

}  // namespace banger::lifecycle
