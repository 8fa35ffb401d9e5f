// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/start.hpp"
#include "core/lifecycle/stop.hpp"
#include "core/lifecycle/teardown.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {
namespace {

sdk::Result<void> stop_first(Engine& engine, LockedVm& locked, const Liveness& live, std::chrono::milliseconds timeout,
                             Operation& operation)
{
    const std::string& name = locked.record.name;
    {
        const Operation::Shield whole(operation);
        locked.lock.now_doing("vm '" + name + "' is being restarted, and is now being stopped");
        if (auto stopped = stop_locked(engine, locked.record, live, timeout, operation); !stopped)
            return stopped;
    }
    locked.lock.now_doing("vm '" + name + "' is being restarted");
    if (operation.cancelled())
        return sdk::make_error(sdk::Code::cancelled, "vm '" + name + "' is stopped; its start was cancelled",
                               "`banger vm start " + name + "` starts it");
    return {};
}

}  // namespace

sdk::Result<Restarted> restart_vm(Engine& engine, const std::string& reference, std::chrono::milliseconds timeout,
                                  Operation& operation)
{
    auto locked = find_and_lock(engine, reference, "restarted", operation);
    if (!locked)
        return std::move(locked).error();
    if (auto whole = check_whole(locked->record); !whole)
        return std::move(whole).error();
    auto live = liveness_of(engine, locked->record);
    if (!live)
        return std::move(live).error();
    if (auto wanted = operation.check(); !wanted)
        return std::move(wanted).error();
    if (live->alive)
        if (auto stopped = stop_first(engine, *locked, *live, timeout, operation); !stopped)
            return leave_rest(engine, std::move(*locked), std::move(stopped).error());
    if (auto started = start_stopped(engine, locked->record, operation); !started)  // releases what the stop left first
        return leave_rest(engine, std::move(*locked), std::move(started).error());
    return Restarted{std::move(locked->record), live->alive};
}

}  // namespace banger::lifecycle
