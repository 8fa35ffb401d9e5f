// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>

#include "banger/sdk/result.hpp"

namespace banger::lifecycle {

/// Networks of which this host's resolver was told by this daemon, and those of which it could not be told lately.
struct NameRoutes {
    struct Failure {
        sdk::Error why;
        std::chrono::steady_clock::time_point until;  ///< nobody asks again before
    };

    std::set<std::string> told;
    std::map<std::string, Failure> failed;
    std::chrono::milliseconds rest = std::chrono::seconds(30);  ///< after a failure: a resolver that hangs delays whoever asks
};

}  // namespace banger::lifecycle
