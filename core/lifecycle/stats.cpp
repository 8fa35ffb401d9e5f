// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "core/lifecycle/look.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {
namespace {

// A member as it is, or an empty one of its kind from an agent of an earlier banger.
void copy(json::Object& to, const json::Value& from, const char* key)
{
    if (const json::Value* member = json::find(from, key))
        to.set(key, *member);
    else
        to.set(key, json::Array());
}

json::Object guest_of(const GuestLook& look)
{
    json::Object guest;
    guest.set("uptime_ms", json::uint_or(look.health, "uptime_ms"));
    copy(guest, look.health, "load");
    json::Object memory;
    const json::Value* said = json::find(look.health, "memory");
    memory.set("total_bytes", said != nullptr ? json::uint_or(*said, "total_bytes") : 0);
    memory.set("available_bytes", said != nullptr ? json::uint_or(*said, "available_bytes") : 0);
    guest.set("memory", memory).set("disks", guest_disks(look.health));
    copy(guest, look.health, "network");
    return guest;
}

std::int64_t monotonic_ms()
{
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace

sdk::Result<json::Object> stats_of(Engine& engine, const std::string& reference, Operation& operation)
{
    auto vm = engine.store.find(reference);
    if (!vm)
        return std::move(vm).error();
    auto live = liveness_of(engine, *vm);
    if (!live)
        return std::move(live).error();
    json::Object stats;
    stats.set("id", vm->id).set("name", vm->name).set("state", live->alive ? "running" : "stopped");
    stats.set("vcpus", vm->vcpus).set("memory_mib", vm->memory_mib);
    stats.set("sampled_ms", monotonic_ms()).set("host", look_at_host(engine, *vm, *live));
    auto guest = live->alive ? look_into_guest(engine, *vm, operation)
                             : sdk::Result<GuestLook>(sdk::make_error(sdk::Code::precondition, ""));
    if (!guest && guest.error().code == sdk::Code::cancelled)
        return std::move(guest).error();
    if (guest)
        stats.set("guest", guest_of(*guest));
    else
        stats.set_null("guest");
    stats.set("guest_problem", guest ? std::string() : guest.error().message);
    return stats;
}

}  // namespace banger::lifecycle
