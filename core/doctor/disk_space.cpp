// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/file.hpp"
#include "core/base/sizes.hpp"
#include "core/doctor/check.hpp"

namespace banger::doctor {
namespace {

// Making an image needs about this much; disks grow as guests write.
constexpr std::uint64_t comfortable = 4ULL << 30U;

}  // namespace

std::vector<Finding> check_disk_space(lifecycle::Engine& engine, lifecycle::Operation&)
{
    auto free = sdk::os::free_bytes(engine.paths.state);
    if (!free)
        return {{"disk space", Status::failed, free.error().message, {}}};
    const std::string text = base::format_size(*free) + " free for images and disks in " + engine.paths.state;
    if (*free < comfortable)
        return {{"disk space", Status::warning, text, "delete images that no vm uses: `banger image list`"}};
    return {{"disk space", Status::ok, text, {}}};
}

}  // namespace banger::doctor
