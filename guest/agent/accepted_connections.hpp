// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "banger/sdk/os/fd.hpp"

namespace banger::agent {

/// Connections that were taken here for the host and wait for it to ask for them, by number. Outlives every session.
class AcceptedConnections {
public:
    /// Its number, which none had before. `claimed` is called when the host has asked for it.
    std::int64_t add(sdk::os::UniqueFd connection, std::function<void()> claimed);
    /// Nothing if none with that number waits.
    sdk::os::UniqueFd claim(std::int64_t number);
    /// Closes it. Done already is no error.
    void drop(std::int64_t number) { waiting_.erase(number); }

private:
    struct Waiting {
        sdk::os::UniqueFd connection;
        std::function<void()> claimed;
    };

    std::map<std::int64_t, Waiting> waiting_;
    std::int64_t last_ = 0;
};

}  // namespace banger::agent
