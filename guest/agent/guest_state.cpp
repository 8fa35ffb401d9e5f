// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/guest_state.hpp"

#include <ctime>

namespace banger::agent {

double since_boot_ms()
{
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

}  // namespace banger::agent
