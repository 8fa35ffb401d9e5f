// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace banger::base {

/// Threads for work that takes its time. As many as the work needs at once, up to a limit beyond which it waits in order; those
/// that find nothing to do for a while end, but for one, so that an idle pool costs one stack.
/// Threads: post from any.
class WorkerPool {
public:
    /// Throws std::system_error when the process may have no thread at all.
    explicit WorkerPool(std::size_t most, std::chrono::milliseconds keep = std::chrono::seconds(5));
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;
    /// Does what was posted, and returns when the last of it is done.
    ~WorkerPool();

    /// Work must not throw. Where no further thread is to be had it waits for those there are.
    void post(std::function<void()> work);

    /// How many there are now.
    [[nodiscard]] std::size_t threads() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace banger::base
