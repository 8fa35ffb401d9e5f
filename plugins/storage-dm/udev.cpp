// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "udev.hpp"

#include <libdevmapper.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#include <atomic>
#include <cerrno>
#include <ctime>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/own_rights.hpp"
#include "library.hpp"

namespace banger::dm {
namespace {

constexpr std::time_t patience_s = 5;  // for a udev that is busy with many devices

// One that did not answer once is not waited for again by this process.
std::atomic<bool>& is_silent()
{
    static std::atomic<bool> silent = false;
    return silent;
}

bool is_there()
{
    return !is_silent() && sdk::os::exists("/run/udev/control");
}

// dm_udev_wait() has no end where udev does not answer. Its cookie is the key of a System V semaphore, which is at zero
// once our own part and udev's are done (libdm-common.c of LVM2, and dm_udev_complete(3)).
bool wait_for_zero(std::uint32_t cookie)
{
    const int semaphore = ::semget(static_cast<key_t>(cookie), 1, 0);
    if (semaphore < 0)
        return true;
    sembuf until_zero{0, 0, 0};
    const timespec patience{patience_s, 0};
    int waited = 0;
    do
        waited = ::semtimedop(semaphore, &until_zero, 1, &patience);
    while (waited != 0 && errno == EINTR);
    (void)::semctl(semaphore, 0, IPC_RMID);
    return waited == 0;
}

}  // namespace

bool UdevEvents::announce(dm_task* task)
{
    std::uint16_t flags = DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG | DM_UDEV_DISABLE_DISK_RULES_FLAG |
                          DM_UDEV_DISABLE_OTHER_RULES_FLAG;
    const bool there = is_there();
    if (there && wait_ == Wait::never)
        flags |= DM_UDEV_DISABLE_LIBRARY_FALLBACK;
    // Without, the cookie is of flags alone, and no semaphore is made (libdevmapper.h, "Cookie prefixes").
    dm_udev_set_sync_support(there && wait_ == Wait::once ? 1 : 0);
    return dm_task_set_cookie(task, &cookie_, flags) != 0;
}

void UdevEvents::settle()
{
    if (const auto cookie = std::exchange(cookie_, 0); cookie != 0) {
        {
            const auto lock = lock_library();
            (void)dm_udev_complete(cookie);
        }
        if (!wait_for_zero(cookie))
            is_silent() = true;
    }
    const sdk::os::OwnRights rights;
    const auto lock = lock_library();
    dm_task_update_nodes();
}

}  // namespace banger::dm
