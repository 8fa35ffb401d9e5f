// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace banger::mailbox {

/// The second disk of firecracker_guest, by which a test speaks with it: the first sector is the test's, the second the
/// guest's. It writes its own as often as it can, and looks at the other then.
inline constexpr std::uint64_t sector_bytes = 512;
inline constexpr std::uint64_t block_bytes = 4096;

/// To fill the first block of the first disk with such bytes, or to look whether it has them.
struct Ask {
    std::uint64_t number;  ///< another for each
    std::uint32_t write;
    std::uint32_t byte;
};

struct Answer {
    std::uint64_t count;   ///< more each time, from 1
    std::uint64_t number;  ///< of what was asked last
    std::uint32_t done;    ///< it was filled, or has such bytes
    std::uint32_t unused;
};

}  // namespace banger::mailbox
