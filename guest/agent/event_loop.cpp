// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/event_loop.hpp"

#include <sys/epoll.h>

#include <array>
#include <utility>

namespace banger::agent {

EventLoop::EventLoop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

EventLoop::Registration EventLoop::watch(int fd, std::uint32_t events, Ready ready)
{
    const std::uint64_t id = next_id_++;
    epoll_event event{};
    event.events = events | EPOLLET;
    event.data.u64 = id;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        return {};
    watches_.emplace(id, std::make_shared<Ready>(std::move(ready)));
    return Registration([this, fd, id] {
        epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
        watches_.erase(id);
    });
}

EventLoop::Registration EventLoop::after(std::chrono::milliseconds delay, std::function<void()> fire)
{
    const auto key = std::make_pair(Clock::now() + delay, next_id_++);
    timers_.emplace(key, std::move(fire));
    return Registration([this, key] { timers_.erase(key); });
}

void EventLoop::run_deferred()
{
    while (!deferred_.empty()) {
        auto actions = std::exchange(deferred_, {});
        for (auto& action : actions)
            action();
    }
}

/// Returns the wait until the next timer as epoll_wait takes it.
int EventLoop::run_timers()
{
    while (!timers_.empty()) {
        const auto now = Clock::now();
        const auto due = timers_.begin()->first.first;
        if (due > now)
            return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(due - now).count());
        auto fire = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
        fire();
        run_deferred();
    }
    return -1;
}

void EventLoop::run()
{
    std::array<epoll_event, 32> events{};
    while (!std::exchange(stopped_, false)) {
        run_deferred();
        const int wait = run_timers();
        if (stopped_)
            continue;
        const int count = epoll_wait(epoll_.get(), events.data(), events.size(), wait);
        for (int i = 0; i < count; ++i) {
            // A handler may end other watches of this batch, or its own: look each one up and keep it while it runs.
            const auto found = watches_.find(events[i].data.u64);
            if (found == watches_.end())
                continue;
            const auto ready = found->second;
            (*ready)(events[i].events);
            run_deferred();
        }
    }
}

}  // namespace banger::agent
