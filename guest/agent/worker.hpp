// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "guest/agent/event_loop.hpp"

namespace banger::agent {

/// A thread beside the loop, for what may take long or never come back: files on a disk that stands still or a mount that hangs.
///
/// Work is done in the order in which it was given, and `then` of each is called on the loop, later. The thread is made with the
/// first; where none is to be had, the loop does the work.
/// Threads: all is called on the loop's. The agent forks only there, and what its children use of what work uses is the allocator,
/// which glibc keeps usable over a fork.
class Worker {
public:
    explicit Worker(EventLoop& loop);
    /// One more thread, which tells of its work by the way that `sibling` does, and takes no descriptor of its own.
    explicit Worker(Worker& sibling);
    /// What was given is done first, and nobody is told of it. Not to be called while work may hang.
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void run(std::function<void()> work, std::function<void()> then = {});

private:
    struct Work;
    struct Results;

    bool has_thread();
    static void serve(Work& work, Results& results);

    EventLoop& loop_;
    std::shared_ptr<Results> results_;
    std::shared_ptr<Work> work_;
    std::thread thread_;
};

}  // namespace banger::agent
