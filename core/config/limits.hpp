// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "banger/sdk/result.hpp"
#include "core/config/host_facts.hpp"

/// What a VM may be given, checked by the command line, the configuration and the daemon alike. Each check is `invalid`
/// with one sentence that starts with `what`, the subject as its user knows it, such as "--vcpu" or "vcpu in
/// [vm_defaults]". Values are signed so that a negative one can be named.
namespace banger::config {

inline constexpr std::uint64_t least_memory_mib = 128;
inline constexpr std::uint64_t least_disk_bytes = 1ULL << 30U;
inline constexpr std::uint64_t most_disk_bytes = 16ULL << 40U;
inline constexpr std::uint64_t disk_granularity = 4096;
/// What the limits of images may be set to: their file systems get no longer than 1 TiB, with an inode for every 16 KiB.
inline constexpr std::int64_t largest_image_entries = 60'000'000;
inline constexpr std::int64_t largest_image_bytes = std::int64_t{1} << 40;

/// Four times the host's CPUs, and no more than 64.
[[nodiscard]] std::uint64_t most_vcpus(const HostFacts& host);

[[nodiscard]] sdk::Result<void> check_vcpus(std::string_view what, std::int64_t vcpus, const HostFacts& host);
/// 128 MiB to all that the host has.
[[nodiscard]] sdk::Result<void> check_memory(std::string_view what, std::int64_t mib, const HostFacts& host);
/// 1 GiB to 16 TiB, in whole blocks of 4096 bytes.
[[nodiscard]] sdk::Result<void> check_disk(std::string_view what, std::int64_t bytes);

}  // namespace banger::config
