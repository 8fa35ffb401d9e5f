// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/room.hpp"

#include <algorithm>

#include "banger/sdk/os/file.hpp"
#include "core/base/sizes.hpp"
#include "core/plugins/kinds.hpp"

namespace banger::lifecycle {
namespace {

// Nobody's work on it is waited for: there will be another look.
sdk::Result<LockedVm> take(Engine& engine, const std::string& id, const char* doing, Operation& operation)
{
    return find_and_lock(engine, id, doing, operation, std::chrono::milliseconds(0));
}

bool says(const sdk::Fields& facts, const std::string& name)
{
    const auto fact = facts.find(name);
    return fact != facts.end() && fact->second == "true";
}

sdk::Result<Paused> pause(Engine& engine, const model::VmRecord& vm)
{
    auto live = liveness_of(engine, vm);
    if (!live)
        return std::move(live).error();
    if (!live->alive)
        return Paused::not_running;
    if (says(live->facts, "saving"))
        return Paused::later;
    if (!says(live->facts, "paused")) {
        auto power = power_to_pause(engine, vm);
        if (!power)
            return std::move(power).error();
        if (*power == nullptr)
            return Paused::cannot;
        if (auto paused = (*power)->pause(live->vmm); !paused) {
            // One that stands although its VMM answered too late must be let go on, too.
            if (const auto now = liveness_of(engine, vm); !now || says(now->facts, "paused"))
                engine.standing.add(vm.id);
            return std::move(paused).error().while_doing("pause vm '" + vm.name + "'");
        }
    }
    engine.standing.add(vm.id);
    return Paused::yes;
}

}  // namespace

std::chrono::milliseconds until_next_look(std::uint64_t free, std::uint64_t pause_below)
{
    constexpr std::uint64_t fast = 1ULL << 30U;  // bytes that a fast disk takes in a second
    constexpr std::uint64_t most_seconds = 60;
    constexpr std::chrono::seconds once_paused{5};
    if (free < enough_room(pause_below))
        return free < pause_below ? once_paused : std::chrono::seconds(1);
    return std::chrono::seconds(std::clamp((free - pause_below) / fast, std::uint64_t{1}, most_seconds));
}

sdk::Result<void> check_room(const Engine& engine)
{
    const std::uint64_t least = engine.config.daemon.pause_below.value;
    if (least == 0)
        return {};
    auto free = sdk::os::free_bytes(engine.paths.vms());
    if (!free)
        return std::move(free).error();
    if (*free >= least)
        return {};
    return sdk::make_error(sdk::Code::no_space,
                           "only " + base::format_size(*free) + " are free in " + engine.paths.state + ", and below " +
                               base::format_size(least) + " no VM runs, so that a full disk costs none its data",
                           "delete VMs and images that nobody needs, or lower daemon.pause_below");
}

sdk::Result<std::shared_ptr<sdk::VmmSnapshot>> power_to_pause(Engine& engine, const model::VmRecord& vm)
{
    const auto names = engine.registry.names(plugins::kind_of<sdk::VmmSnapshot>);
    if (std::find(names.begin(), names.end(), vm.vmm) == names.end())
        return std::shared_ptr<sdk::VmmSnapshot>();
    return engine.registry.get<sdk::VmmSnapshot>(vm.vmm);
}

sdk::Result<Paused> pause_for_room(Engine& engine, const std::string& id, Operation& operation)
{
    auto locked = take(engine, id, "paused", operation);
    if (locked)
        return pause(engine, locked->record);
    if (locked.error().code == sdk::Code::busy)
        return Paused::later;
    return locked.error().code == sdk::Code::not_found ? sdk::Result<Paused>(Paused::not_running)
                                                       : std::move(locked).error();
}

sdk::Result<void> resume_with_room(Engine& engine, const std::string& id, Operation& operation)
{
    auto locked = take(engine, id, "resumed", operation);
    if (!locked && locked.error().code == sdk::Code::not_found)
        engine.standing.remove(id);
    if (!locked)
        return locked.error().code == sdk::Code::busy || locked.error().code == sdk::Code::not_found
                   ? sdk::Result<void>()
                   : std::move(locked).error();
    auto live = liveness_of(engine, locked->record);
    if (!live)
        return std::move(live).error();
    return wake(engine, locked->record, *live);
}

sdk::Result<void> wake(Engine& engine, const model::VmRecord& vm, const Liveness& live)
{
    if (!engine.standing.has(vm.id))
        return {};
    if (live.alive) {
        auto power = power_to_pause(engine, vm);
        if (!power)
            return std::move(power).error();
        if (*power != nullptr)
            if (auto resumed = (*power)->resume(live.vmm); !resumed)
                return std::move(resumed).error().while_doing("let vm '" + vm.name + "' go on");
    }
    engine.standing.remove(vm.id);
    return {};
}

sdk::Error waits_for_room(const model::VmRecord& vm)
{
    return sdk::make_error(sdk::Code::precondition,
                           "vm '" + vm.name + "' is paused until there is room on the host's disk",
                           "delete VMs and images that nobody needs: it goes on by itself");
}

}  // namespace banger::lifecycle
