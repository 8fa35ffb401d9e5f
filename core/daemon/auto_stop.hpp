// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <set>
#include <string>

#include "core/daemon/service.hpp"

namespace banger::daemon {

/// Stops running VMs that nobody has used for `limit`. One timer, set to the moment at which the first of them will be;
/// the loop's steady clock stands still while the host sleeps, and so does this.
/// Lifetime: outlives the service, whose workers give VMs back that they did not stop.
class AutoStop {
public:
    AutoStop(boost::asio::io_context& loop, Service& service, std::chrono::milliseconds limit);

    /// A VM runs, or the last stream into it has ended. From any thread.
    void watch(const std::string& vm);

private:
    void look();
    void stop(const std::string& vm);

    boost::asio::io_context& loop_;
    Service& service_;
    std::chrono::milliseconds limit_;
    boost::asio::steady_timer timer_;
    std::set<std::string> watched_;  ///< ids; those in use now are not among them
};

}  // namespace banger::daemon
