// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "banger/sdk/os/fd.hpp"

namespace banger::agent {

/// The agent's one thread: descriptors (edge-triggered), timers, and things put off until the current event is done.
class EventLoop {
public:
    using Clock = std::chrono::steady_clock;
    /// Gets the EPOLL* bits that are new.
    using Ready = std::function<void(std::uint32_t events)>;

    EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    /// Ends a watch or a timer when it goes away.
    class Registration {
    public:
        Registration() = default;
        explicit Registration(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
        Registration(Registration&& other) noexcept : cancel_(std::exchange(other.cancel_, nullptr)) {}
        Registration& operator=(Registration&& other) noexcept
        {
            reset();
            cancel_ = std::exchange(other.cancel_, nullptr);
            return *this;
        }
        ~Registration() { reset(); }
        void reset()
        {
            if (auto cancel = std::exchange(cancel_, nullptr))
                cancel();
        }
        explicit operator bool() const { return static_cast<bool>(cancel_); }

    private:
        std::function<void()> cancel_;
    };

    /// Edge-triggered: after a call the handler must read or write until EAGAIN. A descriptor that epoll cannot watch
    /// gives an empty registration. Reset the registration before the descriptor is closed.
    [[nodiscard]] Registration watch(int fd, std::uint32_t events, Ready ready);
    [[nodiscard]] Registration after(std::chrono::milliseconds delay, std::function<void()> fire);
    /// Runs once, after the handler that runs now.
    void defer(std::function<void()> action) { deferred_.push_back(std::move(action)); }

    /// Until stop(); may be run again.
    void run();
    void stop() { stopped_ = true; }

private:
    void run_deferred();
    int run_timers();

    sdk::os::UniqueFd epoll_;
    std::uint64_t next_id_ = 1;
    std::map<std::uint64_t, std::shared_ptr<Ready>> watches_;
    std::map<std::pair<Clock::time_point, std::uint64_t>, std::function<void()>> timers_;
    std::vector<std::function<void()>> deferred_;
    bool stopped_ = false;
};

}  // namespace banger::agent
