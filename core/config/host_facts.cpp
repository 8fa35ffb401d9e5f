// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/config/host_facts.hpp"

#include <sched.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <thread>

namespace banger::config {

HostFacts read_host_facts()
{
    HostFacts host;
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    // Fails on a host with more CPUs than the set holds (1024); then all that are online count.
    if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        host.cpus = static_cast<std::uint64_t>(CPU_COUNT(&allowed));
    else
        host.cpus = std::max(1U, std::thread::hardware_concurrency());
    struct sysinfo memory {};
    if (::sysinfo(&memory) == 0)
        host.memory_mib = (static_cast<std::uint64_t>(memory.totalram) * memory.mem_unit) >> 20U;
    return host;
}

std::uint64_t default_vcpus(const HostFacts& host)
{
    return std::clamp<std::uint64_t>(host.cpus / 4, 1, 4);
}

std::uint64_t default_memory_mib(const HostFacts& host)
{
    return std::clamp<std::uint64_t>(host.memory_mib / 8, 512, 8192);
}

}  // namespace banger::config
