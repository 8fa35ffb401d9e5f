// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/path_waiter.hpp"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace banger::agent {

PathWaiter::PathWaiter(EventLoop& loop, std::string path, std::function<void()> appeared)
    : loop_(loop),
      path_(std::move(path)),
      appeared_(std::move(appeared)),
      inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK))
{
    watch_ = loop_.watch(inotify_.get(), EPOLLIN, [this](std::uint32_t) {
        std::array<char, 4096> ignored;
        while (read(inotify_.get(), ignored.data(), ignored.size()) > 0) {
        }
        look();
    });
    look();
}

/// Watches the nearest directory above the path that exists, and makes sure that it still is the nearest afterwards:
/// what appears in between is then either seen or announced.
void PathWaiter::watch_nearest()
{
    for (;;) {
        std::string below = path_;
        std::string above = path_.substr(0, path_.rfind('/'));
        while (inotify_add_watch(inotify_.get(), above.empty() ? "/" : above.c_str(), IN_CREATE | IN_MOVED_TO) < 0 &&
               !above.empty()) {
            below = above;
            above = above.substr(0, above.rfind('/'));
        }
        if (below == path_ || access(below.c_str(), F_OK) != 0)
            return;
    }
}

void PathWaiter::look()
{
    if (!appeared_)
        return;
    watch_nearest();
    if (access(path_.c_str(), F_OK) != 0)
        return;
    watch_.reset();
    std::exchange(appeared_, nullptr)();
}

}  // namespace banger::agent
