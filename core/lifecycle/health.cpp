// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <optional>
#include <string_view>

#include "core/base/durations.hpp"
#include "core/base/sizes.hpp"
#include "core/guest/agent_client.hpp"
#include "core/lifecycle/look.hpp"
#include "core/lifecycle/room.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::lifecycle {
namespace {

constexpr std::uint64_t least_free_percent = 5;
constexpr std::chrono::milliseconds most_drift{2000};
constexpr std::chrono::seconds patience_for_init{20};  // a program starts slowly in an emulated guest under load

/// The checks of one VM, as they are shown.
class Checks {
public:
    void add(const std::string& name, std::string_view status, const std::string& message, const std::string& hint = {})
    {
        json::Object check;
        check.set("name", name).set("status", status).set("message", message).set("hint", hint);
        all_.add(check);
        healthy_ = healthy_ && status != "failed";
    }
    [[nodiscard]] const json::Array& all() const { return all_; }
    [[nodiscard]] bool healthy() const { return healthy_; }

private:
    json::Array all_;
    bool healthy_ = true;
};

std::string milliseconds_text(std::chrono::microseconds time)
{
    const auto tenths = (time.count() + 50) / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " ms";
}

void check_init(Checks& checks, const std::string& name, const std::string& said, const std::string& state)
{
    const std::string init = said.empty() ? "its init" : said;
    const std::string log = "`banger vm logs " + name + "` shows its console";
    if (state == "running")
        return checks.add("init", "ok", init + " is running");
    if (state == "degraded")
        return checks.add("init", "warning", init + " is degraded: a unit has failed",
                          "`banger vm exec " + name + " -- systemctl --failed` lists which");
    if (state == "unknown")  // also of an agent of an earlier banger
        return checks.add("init", "warning", init + " does not say how it is");
    const bool on_its_way = state == "starting" || state == "initializing";
    checks.add("init", on_its_way ? "warning" : "failed", init + " is " + state, log);
}

void check_disk(Checks& checks, const json::Value& disk)
{
    const auto total = json::uint_or(disk, "total_bytes");
    const auto free = json::uint_or(disk, "free_bytes");
    const std::string name = json::string_or(disk, "role") + " disk";
    const std::string message = base::format_size(free) + " of " + base::format_size(total) + " are free";
    if (total > 0 && free < total / 100 * least_free_percent)
        return checks.add(name, "failed", message,
                          "remove something, or stop it and make its disks longer: `banger vm set --disk SIZE`");
    checks.add(name, "ok", message);
}

void check_clock(Checks& checks, std::chrono::milliseconds drift)
{
    const std::chrono::milliseconds apart(std::abs(drift.count()));
    const std::string message =
        "its clock is " + base::format_duration(apart) + (drift.count() < 0 ? " behind" : " ahead");
    if (apart > most_drift)
        return checks.add("clock", "failed", message, "start it again, or set its clock");
    checks.add("clock", "ok", message);
}

// Asked apart from the round trip that is measured: systemd takes its time to answer.
std::string init_state(Engine& engine, const model::VmRecord& vm, Operation& operation)
{
    auto agent = agent_of(engine, vm, operation, patience_for_look);
    if (!agent)
        return "unknown";
    auto answer = (*agent)->health(guest::Patience::of(patience_for_init, operation.token()), true);
    auto health = answer ? json::parse_object(*answer, "the health of a guest") : std::move(answer).error();
    return health ? json::string_or(*health, "init_state", "unknown") : "unknown";
}

struct Looked {
    std::optional<GuestLook> guest;
    std::string init_state;
};

Looked check_guest(Checks& checks, Engine& engine, const model::VmRecord& vm, Operation& operation)
{
    auto guest = look_into_guest(engine, vm, operation);
    if (!guest) {
        checks.add("agent", "failed", guest.error().message, "`banger vm logs " + vm.name + "` shows its console");
        return {};
    }
    checks.add("agent", "ok", "it answers in " + milliseconds_text(guest->round_trip));
    Looked looked{std::nullopt, init_state(engine, vm, operation)};
    check_init(checks, vm.name, json::string_or(guest->health, "init"), looked.init_state);
    const json::Array disks = guest_disks(guest->health);
    for (const auto& disk : disks.value().GetArray())
        check_disk(checks, disk);
    check_clock(checks, guest->clock_drift);
    looked.guest.emplace(std::move(*guest));
    return looked;
}

}  // namespace

sdk::Result<json::Object> health_of(Engine& engine, const std::string& reference, Operation& operation)
{
    auto vm = engine.store.find(reference);
    if (!vm)
        return std::move(vm).error();
    Checks checks;
    Looked looked;
    auto live = liveness_of(engine, *vm);
    const bool alive = live && live->alive;
    if (alive) {
        checks.add("vmm", "ok", "its VMM runs as process " + live->vmm.bound["pid"]);
        const auto failed = failed_disks(engine, *vm);
        if (!failed)
            checks.add("disks", "warning", "it is not known whether one failed: " + failed.error().message, failed.error().hint);
        for (const auto& role : failed.value_or({}))
            checks.add(role + " device", "failed", "it could not be written to, as when the host's disk is full, and takes nothing more",
                       "`banger vm restart " + vm->name + "` takes it up again as after a power cut");
        looked = check_guest(checks, engine, *vm, operation);
    } else if (live) {
        checks.add("vmm", "failed", "it is stopped", "`banger vm start " + vm->name + "` starts it");
    } else {
        checks.add("vmm", "failed", live.error().message, live.error().hint);
    }
    if (auto wanted = operation.check(); !wanted)
        return std::move(wanted).error();
    json::Object health;
    health.set("id", vm->id).set("name", vm->name).set("state", !live ? "unknown" : alive ? "running" : "stopped");
    health.set("healthy", checks.healthy());
    if (looked.guest) {
        health.set("round_trip_ms", static_cast<double>(looked.guest->round_trip.count()) / 1000);
        health.set("clock_drift_ms", static_cast<std::int64_t>(looked.guest->clock_drift.count()));
    } else {
        health.set_null("round_trip_ms").set_null("clock_drift_ms");
    }
    health.set("init_state", looked.init_state);
    health.set("checks", checks.all());
    return health;
}

}  // namespace banger::lifecycle
