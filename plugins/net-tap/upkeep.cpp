// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "upkeep.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "table_changes.hpp"

namespace banger::tap {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Of a poll(2) that begins now.
int time_out(steady_clock::time_point until, steady_clock::time_point now)
{
    if (until == steady_clock::time_point::max())
        return -1;
    return static_cast<int>(std::max(std::chrono::ceil<milliseconds>(until - now), milliseconds(0)).count());
}

}  // namespace

Upkeep::~Upkeep()
{
    if (!thread_.joinable())
        return;
    thread_.request_stop();
    ::eventfd_write(asked_.get(), 1);
    thread_.join();
}

void Upkeep::begin()
{
    const std::lock_guard lock(mutex_);
    if (thread_.joinable())
        return;
    asked_ = sdk::os::UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!asked_)
        return work_.cannot_watch(sdk::os_error("make an eventfd"));
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Upkeep::ask_for_taps()
{
    begin();
    ::eventfd_write(asked_.get(), 1);
}

void Upkeep::run(const std::stop_token& stop)
{
    auto changes = TableChanges::open(table_);
    if (!changes)
        work_.cannot_watch(changes.error());
    constexpr auto never = steady_clock::time_point::max();
    auto rests_until = steady_clock::now();
    auto looks_again = never;
    auto fills = never;
    auto fills_at_last = never;
    unsigned failures = 0;
    const auto look = [&](bool has_heard) {
        const Looked looked = work_.look_after_rules();
        const auto now = steady_clock::now();
        failures = looked == Looked::failed ? failures + 1 : 0;
        looks_again = failures > 0 ? now + again_after(failures) : never;
        // The kernel tells one listener after the other: who knows whose change it was may be told only now.
        if (has_heard && looked == Looked::nothing_to_do)
            looks_again = now + rest;
        if (looked != Looked::nothing_to_do)
            rests_until = now + rest;
    };
    look(false);  // what was before
    std::array<pollfd, 2> events{pollfd{asked_.get(), POLLIN, 0}, {-1, POLLIN, 0}};
    while (!stop.stop_requested()) {
        const auto now = steady_clock::now();
        const bool is_resting = now < rests_until;
        events[1].fd = changes && !is_resting ? changes->descriptor() : -1;
        const auto until = std::min(is_resting ? rests_until : looks_again, fills);
        if (::poll(events.data(), events.size(), time_out(until, now)) < 0)
            continue;
        const bool has_heard = events[1].revents != 0;
        if (has_heard)
            (void)changes->read();
        if (has_heard || steady_clock::now() >= looks_again)
            look(has_heard);
        if (eventfd_t times = 0; events[0].revents != 0 && ::eventfd_read(asked_.get(), &times) == 0)
        {
            const auto asked = steady_clock::now();
            fills_at_last = std::min(fills_at_last, asked + at_last_before_filling);
            fills = std::min(asked + before_filling, fills_at_last);
        }
        if (steady_clock::now() >= fills && !stop.stop_requested()) {
            fills = fills_at_last = never;
            work_.fill_pool();
        }
    }
}

}  // namespace banger::tap
