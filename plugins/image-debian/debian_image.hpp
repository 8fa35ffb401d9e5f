// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "banger/sdk/image_source.hpp"
#include "config.hpp"

namespace banger::debian {

/// image/0 "debian": Debian root file systems made by mmdebstrap(1), as root or as an ordinary user.
std::unique_ptr<sdk::ImageSource> make_image_source(Config config);

/// Free memory that a build in memory must find, as a multiple of what it takes.
inline constexpr std::uint64_t memory_headroom = 3;

/// The size for tmpfs(5) if a build that takes `needed_mib` goes to memory, else empty. `meminfo` is /proc/meminfo.
std::string scratch_memory(Scratch wish, std::uint64_t needed_mib, const std::string& meminfo);

}  // namespace banger::debian
