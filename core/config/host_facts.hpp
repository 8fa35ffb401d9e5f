// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace banger::config {

/// What the defaults and limits depend on.
struct HostFacts {
    std::uint64_t cpus = 1;        ///< that this process may run on
    std::uint64_t memory_mib = 0;  ///< physical, all of it
};

/// As the kernel tells (sched_getaffinity(2), sysinfo(2)). Cannot fail: at worst one CPU and no memory.
[[nodiscard]] HostFacts read_host_facts();

[[nodiscard]] std::uint64_t default_vcpus(const HostFacts& host);       ///< a quarter of the CPUs, 1 to 4
[[nodiscard]] std::uint64_t default_memory_mib(const HostFacts& host);  ///< an eighth of the memory, 512 MiB to 8 GiB
inline constexpr std::uint64_t default_disk_bytes = 8ULL << 30U;

}  // namespace banger::config
