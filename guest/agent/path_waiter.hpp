// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/event_loop.hpp"

namespace banger::agent {

/// Calls back once when a path exists, by inotify(7) on the nearest directory above it that does.
class PathWaiter {
public:
    PathWaiter(EventLoop& loop, std::string path, std::function<void()> appeared);
    [[nodiscard]] bool done() const { return !appeared_; }

private:
    void look();
    void watch_nearest();

    EventLoop& loop_;
    std::string path_;
    std::function<void()> appeared_;
    sdk::os::UniqueFd inotify_;
    EventLoop::Registration watch_;
};

}  // namespace banger::agent
