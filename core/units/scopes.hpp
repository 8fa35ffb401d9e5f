// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/handle.hpp"
#include "banger/sdk/host.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/result.hpp"

namespace banger::units {

/// Processes of one VM.
struct ScopeSpec {
    sdk::Owner owner;
    std::vector<sdk::os::ProcessId> processes;  ///< one at least
};

/// Gives machines control groups of their own, with accounting of their own, that end with the last process and with nothing
/// else (systemd.scope(5), docs/decisions/0015-whose-control-group.md).
///
/// Threads: any. Crashes: a scope ends by itself, so nothing is ever to be undone.
class Scopes {
public:
    virtual ~Scopes() = default;

    /// Who makes them, in a few words; `unavailable` where nobody does, with the reason.
    [[nodiscard]] virtual sdk::Result<std::string> probe(sdk::Call& call) = 0;

    /// Moves the processes into a scope, whose name it returns when they are there. Errors: `not_found` where one has ended
    /// before, `unavailable` where nobody makes one or one ended meanwhile. They say nothing of where the processes are.
    [[nodiscard]] virtual sdk::Result<std::string> start(const ScopeSpec& spec, sdk::Call& call) = 0;
};

}  // namespace banger::units
