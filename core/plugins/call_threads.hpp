// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "banger/sdk/result.hpp"

namespace banger::plugins {

/// Threads that run one plugin call each, kept for the next call if they come back.
///
/// A call that never returns costs its thread and nothing else: nobody waits for it, also not at the end. Threads take
/// no signals but those of their own faults. Plugins that start processes with die_with_parent must not rely on the
/// thread of one call to live until another.
class CallThreads {
public:
    explicit CallThreads(std::size_t keep_idle = 4);
    CallThreads(const CallThreads&) = delete;
    CallThreads& operator=(const CallThreads&) = delete;
    ~CallThreads();

    /// Runs the job, which must not throw, on a thread of its own. `unavailable` if there can be no more threads.
    [[nodiscard]] sdk::Result<void> run(std::function<void()> job);

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace banger::plugins
