// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <string>

#include "core/daemon/service.hpp"
#include "core/lifecycle/stale.hpp"

namespace banger::daemon {

/// Stops running VMs that nobody has used for `limit`. One timer, set to the moment at which the first of them will be;
/// the loop's steady clock stands still while the host sleeps, and so does this.
/// Lifetime: outlives the service, whose workers give VMs back that they did not stop.
class AutoStop {
public:
    AutoStop(boost::asio::io_context& loop, Service& service, std::chrono::milliseconds limit);

    /// A VM runs, or the last stream into it has ended. From any thread.
    void watch(const std::string& vm) { watch(vm, limit_); }

private:
    void watch(const std::string& vm, std::chrono::milliseconds limit);
    void look();
    void stop(const std::string& vm);

    boost::asio::io_context& loop_;
    Service& service_;
    std::chrono::milliseconds limit_;
    boost::asio::steady_timer timer_;
    lifecycle::Watched watched_;  ///< those in use now are not among them
};

}  // namespace banger::daemon
