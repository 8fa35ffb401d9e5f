// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace banger::mailbox {

/// The second disk of firecracker_guest, by which a test speaks with it: the first sector is the test's, the second the
/// guest's. It writes its own as often as it can, and looks at the other then.
inline constexpr std::uint64_t sector_bytes = 512;
inline constexpr std::uint64_t block_bytes = 4096;

/// What the guest can write to, and tell its balloon of.
inline constexpr std::uint64_t spare_memory = 16U << 20U;  // address
inline constexpr std::uint64_t spare_bytes = 16U << 20U;

enum class Verb : std::uint32_t {
    fill,    ///< the first block of the first disk with such bytes
    look,    ///< whether it has them
    send,    ///< frames, as many as the network device takes, from here on
    touch,   ///< each page of the spare memory
    report,  ///< it as free; done if the balloon takes that, and the memory is empty then
};

struct Ask {
    std::uint64_t number;  ///< another for each
    Verb verb;
    std::uint32_t byte;
};

struct Answer {
    std::uint64_t count;   ///< more each time, from 1
    std::uint64_t number;  ///< of what was asked last
    std::uint64_t sent;    ///< frames that the network device took
    std::uint64_t received;
    std::uint32_t done;  ///< what was asked last could be done
    std::uint32_t unused;
};

}  // namespace banger::mailbox
