// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/room.hpp"

#include <algorithm>

#include "banger/sdk/os/file.hpp"
#include "core/base/sizes.hpp"
#include "core/guest/agent_client.hpp"
#include "core/lifecycle/facts.hpp"
#include "core/lifecycle/look.hpp"
#include "core/model/disks.hpp"
#include "core/plugins/kinds.hpp"

namespace banger::lifecycle {
namespace {

// Nobody's work on it is waited for: there will be another look.
sdk::Result<LockedVm> take(Engine& engine, const std::string& id, const char* doing, Operation& operation)
{
    return find_and_lock(engine, id, doing, operation, std::chrono::milliseconds(0));
}

sdk::Result<Paused> pause(Engine& engine, const model::VmRecord& vm)
{
    auto live = liveness_of(engine, vm);
    if (!live)
        return std::move(live).error();
    if (!live->alive)
        return Paused::not_running;
    if (fact_is(live->facts, "saving", "true"))
        return Paused::later;
    if (!fact_is(live->facts, "paused", "true")) {
        auto power = power_to_pause(engine, vm);
        if (!power)
            return std::move(power).error();
        if (*power == nullptr)
            return Paused::cannot;
        if (auto paused = (*power)->pause(live->vmm); !paused) {
            // One that stands although its VMM answered too late must be let go on, too.
            if (const auto now = liveness_of(engine, vm); !now || fact_is(now->facts, "paused", "true"))
                engine.standing.add(vm.id);
            return std::move(paused).error().while_doing("pause vm '" + vm.name + "'");
        }
    }
    engine.standing.add(vm.id);
    return Paused::yes;
}

}  // namespace

std::chrono::milliseconds until_next_look(std::uint64_t free, std::uint64_t pause_below, std::uint64_t filled_per_second)
{
    constexpr std::uint64_t fast = 1ULL << 30U;  // bytes that a fast disk takes in a second
    constexpr std::chrono::milliseconds least{100};
    constexpr std::chrono::milliseconds most{60'000};
    constexpr std::chrono::milliseconds once_paused{5000};
    if (free < pause_below)
        return once_paused;
    const std::uint64_t rate = std::max(fast, 2 * filled_per_second);  // it may get faster yet
    const double left = static_cast<double>(free - pause_below) / static_cast<double>(rate);
    return std::chrono::milliseconds(static_cast<std::int64_t>(
        std::clamp(left * 1000, static_cast<double>(least.count()), static_cast<double>(most.count()))));
}

sdk::Result<std::uint64_t> free_room(const Engine& engine)
{
    return sdk::os::free_bytes(engine.paths.vms());
}

std::string how_much_is_free(const Engine& engine, std::uint64_t free)
{
    return base::format_size(free) + " are free in " + engine.paths.vms();
}

sdk::Error no_room(const Engine& engine, std::uint64_t free)
{
    return sdk::make_error(sdk::Code::no_space,
                           "only " + how_much_is_free(engine, free) + ", and below " +
                               base::format_size(engine.config.daemon.pause_below.value) +
                               " no VM runs, so that a full disk costs none its data",
                           "delete VMs and images that nobody needs, or lower daemon.pause_below");
}

sdk::Result<void> check_room(const Engine& engine)
{
    const std::uint64_t least = engine.config.daemon.pause_below.value;
    if (least == 0)
        return {};
    auto free = free_room(engine);
    if (!free)
        return std::move(free).error();
    return *free >= least ? sdk::Result<void>() : no_room(engine, *free);
}

sdk::Result<std::shared_ptr<sdk::VmmSnapshot>> power_to_pause(Engine& engine, const model::VmRecord& vm)
{
    const auto names = engine.registry.names(plugins::kind_of<sdk::VmmSnapshot>);
    if (std::find(names.begin(), names.end(), vm.vmm) == names.end())
        return std::shared_ptr<sdk::VmmSnapshot>();
    return engine.registry.get<sdk::VmmSnapshot>(vm.vmm);
}

sdk::Result<Paused> pause_for_room(Engine& engine, const std::string& id, std::uint64_t free, Operation& operation)
{
    auto locked = take(engine, id, "paused", operation);
    if (locked)
        return pause(engine, locked->record);
    if (locked.error().code == sdk::Code::busy)
        return engine.underway.call_off(id, no_room(engine, free)) ? Paused::called_off : Paused::later;
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

sdk::Result<bool> resume_if_it_stands(Engine& engine, const std::string& id, Operation& operation)
{
    auto locked = take(engine, id, "resumed", operation);
    if (!locked)
        return locked.error().code == sdk::Code::busy || locked.error().code == sdk::Code::not_found
                   ? sdk::Result<bool>(false)
                   : std::move(locked).error();
    auto live = liveness_of(engine, locked->record);
    if (!live)
        return std::move(live).error();
    if (!live->alive || !fact_is(live->facts, "paused", "true") || fact_is(live->facts, "saving", "true"))
        return false;
    engine.standing.add(id);
    auto woken = wake(engine, locked->record, *live);
    if (woken)
        return true;
    engine.standing.remove(id);  // it stands for some other reason
    return std::move(woken).error();
}

sdk::Result<std::vector<std::string>> failed_disks(Engine& engine, const model::VmRecord& vm)
{
    std::vector<std::string> roles;
    for (const auto& role : model::writable_disk_roles()) {
        const auto facts = disk_facts(engine, vm, role);
        if (!facts)
            return facts.error();
        if (fact_is(*facts, "failed", "true"))
            roles.push_back(role);
    }
    return roles;
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
    // Some VMMs end the agent's sessions by that (docs/decisions/0041-going-on-on-firecracker.md): nobody is to wait for one.
    constexpr std::chrono::seconds patience{10};
    if (live.alive)
        engine.agents.drop_if_mute(vm.id, guest::Patience::of(patience));
    return {};
}

sdk::Error waits_for_room(const model::VmRecord& vm)
{
    return sdk::make_error(sdk::Code::precondition,
                           "vm '" + vm.name + "' is paused until there is room on the host's disk",
                           "delete VMs and images that nobody needs: it goes on by itself");
}

}  // namespace banger::lifecycle
