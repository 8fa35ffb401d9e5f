// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "room.hpp"

#include "banger/sdk/os/file.hpp"

namespace banger::dm {

sdk::Result<void> check_room(const std::string& directory, std::uint64_t reserve_bytes)
{
    auto free = sdk::os::free_bytes(directory);
    if (!free)
        return std::move(free).error();
    if (*free >= reserve_bytes)
        return {};
    const auto mib = [](std::uint64_t bytes) { return std::to_string(bytes >> 20U) + " MiB"; };
    return sdk::make_error(sdk::Code::no_space,
                           "only " + mib(*free) + " are free for " + directory + ", and storage 'dm' keeps " +
                               mib(reserve_bytes) + " so that no VM is stopped by a full disk",
                           "delete VMs and images that nobody needs, or set reserve_mib under [plugin.storage-dm]");
}

}  // namespace banger::dm
