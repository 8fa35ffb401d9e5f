// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/late_reach.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/lifecycle/reach.hpp"
#include "core/log/log.hpp"

namespace banger::daemon {
namespace {

constexpr std::chrono::milliseconds longest_pause = std::chrono::seconds(30);

}  // namespace

LateReach::LateReach(boost::asio::io_context& loop, Service& service, std::chrono::milliseconds first_pause)
    : loop_(loop), service_(service), first_pause_(first_pause)
{
}

void LateReach::try_later(const std::string& vm)
{
    boost::asio::post(loop_, [this, vm] {
        if (late_.insert(vm).second)
            wait(vm, first_pause_);
    });
}

void LateReach::wait(const std::string& vm, std::chrono::milliseconds pause)
{
    const auto timer = std::make_shared<boost::asio::steady_timer>(loop_, pause);
    timer->async_wait([this, vm, timer, pause](const boost::system::error_code& error) {
        if (!error)
            try_now(vm, pause);
    });
}

void LateReach::try_now(const std::string& vm, std::chrono::milliseconds pause)
{
    service_.run_own("names", [this, vm, pause](lifecycle::Operation& operation) -> sdk::Result<void> {
        auto opened = lifecycle::open_reach_again(service_.engine(), vm, operation);
        // Its first failure was told to whoever started it.
        if (!opened)
            log::debug("name of vm " + vm + ": " + opened.error().message);
        boost::asio::post(loop_, [this, vm, pause, done = opened.has_value()] {
            if (done)
                late_.erase(vm);
            else
                wait(vm, std::min(pause * 2, longest_pause));
        });
        return {};
    });
}

}  // namespace banger::daemon
