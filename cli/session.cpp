// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/session.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace banger::cli {
namespace {

sdk::Result<sdk::os::UniqueFd> every_second()
{
    sdk::os::UniqueFd clock(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!clock)
        return sdk::os_error("make a timer");
    itimerspec second{};
    second.it_interval.tv_sec = 1;
    second.it_value.tv_sec = 1;
    if (::timerfd_settime(clock.get(), 0, &second, nullptr) != 0)
        return sdk::os_error("set a timer");
    return clock;
}

sdk::Result<void> watch(int events, int descriptor)
{
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(events, EPOLL_CTL_ADD, descriptor, &event) != 0)
        return sdk::os_error("watch for events");
    return {};
}

}  // namespace

Session::Session(rpc::Client client, Signals signals, sdk::os::UniqueFd clock, sdk::os::UniqueFd events,
                 Progress& progress)
    : client_(std::move(client)),
      signals_(std::move(signals)),
      clock_(std::move(clock)),
      events_(std::move(events)),
      progress_(progress)
{
}

sdk::Result<Session> Session::open(rpc::Client client, Progress& progress)
{
    sdk::os::UniqueFd events(::epoll_create1(EPOLL_CLOEXEC));
    if (!events)
        return sdk::os_error("watch for events");
    sdk::os::UniqueFd clock;
    if (progress.live()) {
        auto made = every_second();
        if (!made)
            return std::move(made).error();
        clock = std::move(*made);
        if (auto watched = watch(events.get(), clock.get()); !watched)
            return std::move(watched).error();
    }
    auto signals = Signals::take();
    if (!signals)
        return std::move(signals).error();
    if (auto watched = watch(events.get(), signals->descriptor()); !watched)
        return std::move(watched).error();
    return Session(std::move(client), std::move(*signals), std::move(clock), std::move(events), progress);
}

sdk::Result<rpc::Reply> Session::call(std::string_view method, const json::Object& params, OnInterrupt on_interrupt,
                                      std::vector<sdk::os::UniqueFd> descriptors)
{
    rpc::CallHooks hooks;
    hooks.on_notification = [this](const std::string& name, const json::Value& content) {
        progress_.take(name, content);
    };
    hooks.interrupt = events_.get();
    hooks.on_interrupt = [this, on_interrupt] { return take_events(on_interrupt); };
    stops_seen_ = 0;
    auto reply = client_.call(method, params, hooks, std::move(descriptors));
    progress_.ended(0);
    progress_.clear();
    return reply;
}

void Session::call_all(const std::vector<rpc::Request>& requests, std::size_t most_at_a_time,
                       const std::function<void(std::size_t which, sdk::Result<rpc::Reply> reply)>& on_reply)
{
    rpc::GroupHooks hooks;
    hooks.on_notification = [this](std::size_t which, const std::string& name, const json::Value& content) {
        progress_.take(name, content, which);
    };
    hooks.on_reply = [&](std::size_t which, sdk::Result<rpc::Reply> reply) {
        progress_.ended(which);
        on_reply(which, std::move(reply));
    };
    hooks.interrupt = events_.get();
    hooks.on_interrupt = [this] { return take_events(OnInterrupt::cancel); };
    stops_seen_ = 0;
    client_.call_all(requests, most_at_a_time, hooks);
    progress_.clear();
}

std::optional<int> Session::pause(std::chrono::milliseconds time)
{
    const auto end = std::chrono::steady_clock::now() + time;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
        pollfd watch{signals_.descriptor(), POLLIN, 0};
        if (left <= 0 || ::poll(&watch, 1, static_cast<int>(left)) == 0)
            return std::nullopt;
        for (const int signal : signals_.read())
            if (Signals::asks_to_stop(signal)) {
                interrupted_by_ = signal;
                return signal;
            }
    }
}

bool Session::take_events(OnInterrupt on_interrupt)
{
    std::uint64_t ticks = 0;
    if (clock_ && ::read(clock_.get(), &ticks, sizeof ticks) > 0)
        progress_.tick();
    bool stop = false;
    for (const int signal : signals_.read()) {
        if (Signals::asks_to_stop(signal))
            stop = take_stop(signal, on_interrupt) || stop;
        else
            progress_.tick();
    }
    return stop;
}

bool Session::take_stop(int signal, OnInterrupt on_interrupt)
{
    ++stops_seen_;
    if (on_interrupt == OnInterrupt::carry_on) {
        progress_.say("cleaning up, one moment");
        return false;
    }
    interrupted_by_ = signal;
    if (stops_seen_ == 1) {
        progress_.say("stopping, and undoing what was begun");
        return true;
    }
    if (stops_seen_ == 2) {
        progress_.say("still cleaning up (once more leaves that to the daemon)");
        return false;
    }
    // Closing the connection cancels what it began: the daemon goes on undoing it.
    progress_.clear();
    die_of(signal);
}

}  // namespace banger::cli
