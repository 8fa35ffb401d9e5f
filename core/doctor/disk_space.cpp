// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "banger/sdk/os/file.hpp"
#include "core/base/sizes.hpp"
#include "core/doctor/check.hpp"
#include "core/lifecycle/look.hpp"

namespace banger::doctor {
namespace {

// Making an image needs about this much; disks grow as guests write.
constexpr std::uint64_t comfortable = 4ULL << 30U;

// How much the storage provider wants free before it makes or attaches a disk; 0 if it does not say.
std::uint64_t reserve_of_storage(lifecycle::Engine& engine, lifecycle::Operation& operation)
{
    const auto choice = engine.registry.choose(std::string(plugins::kind_of<sdk::Storage>),
                                               engine.config.providers.storage.value, operation);
    if (!choice)
        return 0;  // said by the check of providers
    return lifecycle::number_in<std::uint64_t>(choice->probe.facts, "reserve_bytes").value_or(0);
}

}  // namespace

std::vector<Finding> check_disk_space(lifecycle::Engine& engine, lifecycle::Operation& operation)
{
    auto free = sdk::os::free_bytes(engine.paths.state);
    if (!free)
        return {{"disk space", Status::failed, free.error().message, {}}};
    const char* hint = "delete VMs and images that nobody needs: `banger vm prune`, `banger image list`";
    std::string text = base::format_size(*free) + " free for images and disks in " + engine.paths.state;
    const std::uint64_t reserve = reserve_of_storage(engine, operation);
    if (reserve > 0)
        text += "; no VM starts below " + base::format_size(reserve);
    if (*free < reserve)
        return {{"disk space", Status::failed, text, hint}};
    if (*free < std::max(comfortable, 2 * reserve))
        return {{"disk space", Status::warning, text, hint}};
    return {{"disk space", Status::ok, text, {}}};
}

}  // namespace banger::doctor
