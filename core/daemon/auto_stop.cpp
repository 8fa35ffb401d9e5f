// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/auto_stop.hpp"

#include <boost/asio/post.hpp>

#include "core/base/durations.hpp"
#include "core/log/log.hpp"

namespace banger::daemon {

AutoStop::AutoStop(boost::asio::io_context& loop, Service& service, std::chrono::milliseconds limit)
    : loop_(loop), service_(service), limit_(limit), timer_(loop)
{
    service_.engine().usage.on_quiet = [this](const std::string& vm) { watch(vm); };
}

void AutoStop::watch(const std::string& vm, std::chrono::milliseconds limit)
{
    boost::asio::post(loop_, [this, vm, limit] {
        watched_[vm] = limit;
        look();
    });
}

void AutoStop::look()
{
    const auto stale = lifecycle::find_stale(service_.engine().usage, watched_);
    for (const auto& vm : stale.vms)
        stop(vm);
    timer_.cancel();
    if (!stale.look_again)
        return;
    timer_.expires_after(*stale.look_again);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error)
            look();
    });
}

void AutoStop::stop(const std::string& vm)
{
    service_.run_own("auto-stop", [this, vm](lifecycle::Operation& operation) -> sdk::Result<void> {
        auto stopped = lifecycle::stop_if_stale(service_.engine(), vm, limit_, operation);
        if (!stopped)
            return std::move(stopped).error();
        if (*stopped == lifecycle::StaleStop::in_use)
            watch(vm);
        else if (*stopped == lifecycle::StaleStop::silent)
            watch(vm, lifecycle::limit_of_silent(limit_));
        else if (*stopped == lifecycle::StaleStop::stopped)
            log::info("vm " + vm + " was not used for " + base::format_duration(limit_) + " and is stopped");
        return {};
    });
}

}  // namespace banger::daemon
