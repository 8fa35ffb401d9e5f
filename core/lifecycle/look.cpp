// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/look.hpp"

#include <sstream>

#include "banger/sdk/os/process.hpp"
#include "core/guest/agent_client.hpp"
#include "core/lifecycle/facts.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/model/disks.hpp"
#include "core/plugins/kinds.hpp"

namespace banger::lifecycle {
namespace {

void set_number(json::Object& object, const char* key, const sdk::Fields& facts)
{
    if (const auto number = number_in<std::uint64_t>(facts, key))
        object.set(key, *number);
    else
        object.set_null(key);
}

struct Held {
    std::set<pid_t> pids;
    std::optional<sdk::Fields> network;
};

// What is there of the things that its journal names. A provider that does not answer is not counted.
Held held_by(Engine& engine, const model::VmRecord& vm, const Liveness& live)
{
    Held held;
    held.pids = processes_in(live.vmm.bound);
    // What was started for the VMM was so before it. Whoever began later has the pid of what has ended.
    const auto began = number_in<std::uint64_t>(live.vmm.bound, "start_time").value_or(0);
    std::erase_if(held.pids, [&](pid_t pid) {
        const auto id = sdk::os::identify(pid);
        return !id || id->start_time > began;
    });
    for (const auto& entry : engine.journals.read(engine.owner_of(vm.id)).entries) {
        auto inspected = engine.operations.inspect(entry.handle);
        if (!inspected || !inspected->present)
            continue;
        held.pids.merge(processes_in(inspected->facts));
        if (entry.handle.kind == plugins::kind_of<sdk::Network>)
            held.network = std::move(inspected->facts);
    }
    return held;
}

json::Object host_disk(Engine& engine, const model::VmRecord& vm, const std::string& role)
{
    const auto facts = disk_facts(engine, vm, role).value_or({});
    json::Object disk;
    disk.set("role", role);
    for (const char* key : {"bytes", "allocated_bytes", "apparent_bytes"})
        set_number(disk, key, facts);
    return disk;
}

void set_processes(json::Object& host, const std::set<pid_t>& pids)
{
    std::chrono::milliseconds cpu{0};
    std::uint64_t resident = 0;
    std::uint64_t count = 0;
    for (const pid_t pid : pids)
        if (const auto use = sdk::os::use_of(pid)) {
            cpu += use->cpu;
            resident += use->resident_bytes;
            ++count;
        }
    host.set("cpu_ms", static_cast<std::int64_t>(cpu.count())).set("resident_bytes", resident).set("processes", count);
}

std::chrono::nanoseconds time_of_day()
{
    return std::chrono::system_clock::now().time_since_epoch();
}

}  // namespace

std::set<pid_t> processes_in(const sdk::Fields& facts)
{
    std::set<pid_t> pids;
    if (const auto pid = number_in<pid_t>(facts, "pid"))
        pids.insert(*pid);
    const auto several = facts.find("pids");
    std::istringstream words(several == facts.end() ? std::string() : several->second);
    for (pid_t pid = 0; words >> pid;)
        pids.insert(pid);
    return pids;
}

sdk::Result<sdk::Fields> disk_facts(Engine& engine, const model::VmRecord& vm, const std::string& role)
{
    const std::string kind(plugins::kind_of<sdk::Storage>);
    auto inspected = engine.operations.inspect({kind, vm.storage, role, engine.owner_of(vm.id), {}});
    if (!inspected)
        return std::move(inspected).error();
    return std::move(inspected->facts);
}

json::Object look_at_host(Engine& engine, const model::VmRecord& vm, const Liveness& live)
{
    json::Object host;
    const Held held = live.alive ? held_by(engine, vm, live) : Held();
    if (live.alive)
        set_processes(host, held.pids);
    else
        host.set_null("cpu_ms").set_null("resident_bytes").set_null("processes");
    json::Array disks;
    for (const auto& role : model::writable_disk_roles())
        disks.add(host_disk(engine, vm, role));
    host.set("disks", disks);
    if (!held.network || held.network->count("rx_bytes") == 0)
        return std::move(host.set_null("network"));
    json::Object network;
    for (const char* key : {"rx_bytes", "rx_packets", "tx_bytes", "tx_packets", "refused_packets"})
        set_number(network, key, *held.network);
    return std::move(host.set("network", network));
}

sdk::Result<GuestLook> look_into_guest(Engine& engine, const model::VmRecord& vm, Operation& operation)
{
    if (engine.agents.connecting(vm.id))
        return sdk::make_error(sdk::Code::busy, "the agent of vm '" + vm.name + "' has not answered yet");
    auto agent = agent_of(engine, vm, operation, patience_for_look);
    if (!agent)
        return std::move(agent).error();
    const auto before = std::chrono::steady_clock::now();
    const auto time_before = time_of_day();
    auto answer = (*agent)->health(guest::Patience::of(patience_for_look, operation.token()));
    if (!answer)
        return std::move(answer).error().while_doing("ask the agent of vm '" + vm.name + "'");
    const auto round_trip = std::chrono::steady_clock::now() - before;
    auto health = json::parse_object(*answer, "what the agent of vm '" + vm.name + "' answered");
    if (!health)
        return std::move(health).error();
    GuestLook look;
    look.round_trip = std::chrono::duration_cast<std::chrono::microseconds>(round_trip);
    // The guest looked at its clock in between; half of the way is as good a guess as any.
    const std::chrono::nanoseconds here = time_before + round_trip / 2;
    const std::chrono::nanoseconds there(json::find_int(*health, "clock_ns").value_or(here.count()));
    look.clock_drift = std::chrono::duration_cast<std::chrono::milliseconds>(there - here);
    look.health = std::move(*health);
    return look;
}

json::Array guest_disks(const json::Value& health)
{
    json::Array disks;
    const json::Value* mounts = json::find(health, "disks");
    if (mounts == nullptr || !mounts->IsArray())
        return disks;
    for (const auto& mount : mounts->GetArray()) {
        const std::string path = json::string_or(mount, "mount");
        json::Object disk;
        disk.set("role", path == "/" ? model::root_disk : model::work_disk).set("mount", path);
        disk.set("total_bytes", json::uint_or(mount, "total_bytes"));
        disk.set("free_bytes", json::uint_or(mount, "free_bytes"));
        disks.add(disk);
    }
    return disks;
}

}  // namespace banger::lifecycle
