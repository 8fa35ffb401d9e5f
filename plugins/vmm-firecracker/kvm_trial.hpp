// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/host.hpp"

namespace banger::firecracker {

/// How a guest on trial fared.
struct Trial {
    std::string problem;  ///< a few words; empty: it ran to its end
    bool in_time = true;  ///< false: its time was over, which a busy host may be the reason for
};

/// Has Firecracker run a guest of our own that behaves as every kernel does in its first moments, in at most ten seconds:
/// a /dev/kvm that opens proves nothing. `directory` receives its image.
sdk::Result<Trial> try_guest(const std::string& program, const std::string& directory, sdk::Call& call);

}  // namespace banger::firecracker
