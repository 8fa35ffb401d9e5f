// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace banger::mailbox {

/// The second disk of firecracker_guest, by which a test speaks with it: the first sector is the test's, the second the
/// guest's. It writes its own as often as it can, and looks at the other then.
inline constexpr std::uint64_t sector_bytes = 512;
inline constexpr std::uint64_t block_bytes = 4096;

enum class Work : std::uint32_t {
    look,     ///< whether the first block of the first disk has such bytes
    write,    ///< such bytes into it
    send,     ///< so many frames of that length over the network device
    receive,  ///< to wait until so many have come in, counted from when this was asked last
};

inline constexpr std::uint32_t longest_frame = 32768;

struct Ask {
    std::uint64_t number;  ///< another for each
    Work work;
    std::uint32_t value;   ///< the byte, or how many frames
    std::uint32_t length;  ///< of each frame that is sent
    std::uint32_t unused;
};

struct Answer {
    std::uint64_t count;   ///< more each time, from 1
    std::uint64_t number;  ///< of what was asked last
    std::uint32_t done;    ///< it was filled, or has such bytes
    std::uint32_t unused;
};

}  // namespace banger::mailbox
