// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/control_group.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/small_files.hpp"

namespace banger::agent {

void leave_init_scope()
{
    // As the unified hierarchy has it (cgroups(7)); with another one systemd is not told of such deaths.
    if (small_line("/proc/self/cgroup") != "0::/init.scope")
        return;
    mkdir("/sys/fs/cgroup/banger", 0755);
    const sdk::os::UniqueFd members(open("/sys/fs/cgroup/banger/cgroup.procs", O_WRONLY | O_CLOEXEC));
    [[maybe_unused]] const auto ignored = write(members.get(), "0", 1);  // whoever writes it
}

}  // namespace banger::agent
