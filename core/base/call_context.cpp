// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/call_context.hpp"

#include <sys/timerfd.h>

#include <chrono>
#include <utility>

namespace banger::base {
namespace {

// steady_clock is CLOCK_MONOTONIC in libstdc++, so its times are the timer's own.
void expire_at(int timer, Deadline time)
{
    const auto since_start = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
    constexpr long second = 1'000'000'000;
    itimerspec when{};
    when.it_value.tv_sec = since_start / second;
    when.it_value.tv_nsec = since_start % second;
    ::timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, nullptr);
}

}  // namespace

CallContext::CallContext(ProgressListener listener, std::optional<Deadline> deadline)
    : timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
      deadline_(deadline),
      listener_(std::move(listener))
{
    if (deadline_)
        expire_at(timer_.get(), *deadline_);
}

CallContext::CallContext(std::stop_token stop, ProgressListener listener, std::optional<Deadline> deadline)
    : CallContext(std::move(listener), deadline)
{
    on_stop_.emplace(std::move(stop), [this] { cancel(); });
}

bool CallContext::cancelled() const
{
    return cancelled_ || (deadline_ && Deadline::clock::now() >= *deadline_);
}

void CallContext::progress(const sdk::Progress& progress)
{
    const std::lock_guard held(mutex_);
    if (listener_)
        listener_(progress);
}

void CallContext::warn(const std::string& message)
{
    const std::lock_guard held(mutex_);
    if (warning_listener_)
        warning_listener_(message);
}

void CallContext::on_warning(WarningListener listener)
{
    const std::lock_guard held(mutex_);
    warning_listener_ = std::move(listener);
}

void CallContext::cancel()
{
    cancelled_ = true;
    expire_at(timer_.get(), Deadline(std::chrono::nanoseconds(1)));  // a time long past; 0 would disarm it
}

void CallContext::silence()
{
    const std::lock_guard held(mutex_);
    listener_ = nullptr;
    warning_listener_ = nullptr;
}

}  // namespace banger::base
