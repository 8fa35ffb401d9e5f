// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/lock.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <memory>

#include "banger/sdk/os/file.hpp"
#include "detached_thread.hpp"

namespace banger::sdk::os {
namespace {

// Held by the thread and by whoever waits for it, whichever lasts longer.
struct Lock {
    UniqueFd file;  // another descriptor of the same open file, whose lock it is
    UniqueFd done;
    int why = 0;

    void run()
    {
        while (::flock(file.get(), LOCK_EX) != 0)
            if (errno != EINTR) {
                why = errno;
                break;
            }
        file.reset();
        ::eventfd_write(done.get(), 1);
    }
};

}  // namespace

Result<void> lock_file(int file, const std::string& path, int cancel_descriptor)
{
    if (::flock(file, LOCK_EX | LOCK_NB) == 0)
        return {};
    if (errno != EWOULDBLOCK && errno != EINTR)
        return os_error("lock " + path);
    const auto lock = std::make_shared<Lock>();
    lock->file.reset(::fcntl(file, F_DUPFD_CLOEXEC, 0));
    lock->done.reset(::eventfd(0, EFD_CLOEXEC));
    if (!lock->file || !lock->done)
        return os_error("lock " + path);
    if (auto started = start_detached([lock] { lock->run(); }); !started)
        return started;
    constexpr auto never = std::chrono::steady_clock::time_point::max();
    if (auto ended = wait_readable(lock->done.get(), cancel_descriptor, never); !ended)
        return ended;
    return lock->why == 0 ? Result<void>() : os_error("lock " + path, lock->why);
}

}  // namespace banger::sdk::os
