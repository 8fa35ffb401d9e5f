// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "udev.hpp"

#include <libdevmapper.h>

#include <cstdint>

namespace banger::dm {

bool keep_udev_off(dm_task* task)
{
    constexpr std::uint16_t flags = DM_UDEV_DISABLE_DM_RULES_FLAG | DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG |
                                    DM_UDEV_DISABLE_DISK_RULES_FLAG | DM_UDEV_DISABLE_OTHER_RULES_FLAG |
                                    DM_UDEV_DISABLE_LIBRARY_FALLBACK;
    // A cookie of flags alone, without a semaphore to wait for (libdevmapper.h, "Cookie prefixes").
    dm_udev_set_sync_support(0);
    std::uint32_t cookie = 0;
    return dm_task_set_cookie(task, &cookie, flags) != 0;
}

}  // namespace banger::dm
