// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/base/sizes.hpp"
#include "core/doctor/check.hpp"
#include "core/lifecycle/facts.hpp"
#include "core/lifecycle/room.hpp"

namespace banger::doctor {
namespace {

// Making an image needs about this much; disks grow as guests write.
constexpr std::uint64_t comfortable = 4ULL << 30U;

// Machines that stand until there is more.
std::vector<Finding> check_paused(lifecycle::Engine& engine)
{
    const std::size_t count = engine.standing.all().size();
    if (count == 0)
        return {};
    return {{"paused machines", Status::failed,
             std::to_string(count) + (count == 1 ? " is" : " are") + " paused for want of room on the host's disk",
             "they go on by themselves once " +
                 base::format_size(lifecycle::enough_room(engine.config.daemon.pause_below.value)) +
                 " are free: `banger vm list` shows which"}};
}

// Of machines that run, on disks that could not be written to.
std::vector<Finding> check_failed_disks(lifecycle::Engine& engine)
{
    const auto vms = engine.store.list();
    std::vector<Finding> findings;
    std::string names;
    for (const auto& vm : vms.value_or({})) {
        if (vm.desired != model::Desired::running)
            continue;
        const auto failed = lifecycle::failed_disks(engine, vm);
        if (!failed)
            findings.push_back({"failed disks", Status::warning,
                                "it is not known whether disks of vm '" + vm.name + "' failed: " + failed.error().message,
                                failed.error().hint});
        else if (!failed->empty())
            names += (names.empty() ? "'" : ", '") + vm.name + "'";
    }
    if (!names.empty())
        findings.push_back({"failed disks", Status::failed,
                            "disks of vm " + names + " could not be written to, and take nothing more",
                            "`banger vm restart NAME` takes them up again as after a power cut, once there is room"});
    return findings;
}

// How much the storage provider wants free before it makes or attaches a disk; 0 if it does not say.
std::uint64_t reserve_of_storage(lifecycle::Engine& engine, lifecycle::Operation& operation)
{
    const auto choice = engine.registry.choose(std::string(plugins::kind_of<sdk::Storage>),
                                               engine.config.backends.storage.value, operation);
    if (!choice)
        return 0;  // said by the check of providers
    return lifecycle::number_in<std::uint64_t>(choice->probe.facts, "reserve_bytes").value_or(0);
}

}  // namespace

std::vector<Finding> check_disk_space(lifecycle::Engine& engine, lifecycle::Operation& operation)
{
    auto free = lifecycle::free_room(engine);
    if (!free)
        return {{"disk space", Status::failed, free.error().message, {}}};
    const char* hint = "delete VMs and images that nobody needs: `banger vm prune`, `banger image list`";
    std::string text = lifecycle::how_much_is_free(engine, *free);
    const std::uint64_t pause_below = engine.config.daemon.pause_below.value;
    const std::uint64_t reserve = std::max(reserve_of_storage(engine, operation), pause_below);
    if (reserve > 0)
        text += "; no VM starts below " + base::format_size(reserve);
    if (pause_below > 0)
        text += ", and those that run are paused below " + base::format_size(pause_below);
    const auto status = *free < reserve                             ? Status::failed
                        : *free < std::max(comfortable, 2 * reserve) ? Status::warning
                                                                     : Status::ok;
    auto findings = check_paused(engine);
    for (auto& failed : check_failed_disks(engine))
        findings.push_back(std::move(failed));
    findings.insert(findings.begin(), {"disk space", status, text, status == Status::ok ? "" : hint});
    return findings;
}

}  // namespace banger::doctor
