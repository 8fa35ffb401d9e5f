// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <set>
#include <string>

#include "core/daemon/service.hpp"

namespace banger::daemon {

/// Tries again to give VMs that run the name and the address that they could not be given (core/lifecycle/reach.hpp), ever more
/// slowly.
/// Threads: any. Lifetime: outlives the service's workers' jobs, which the service ends before the loop stops.
class LateReach {
public:
    LateReach(boost::asio::io_context& loop, Service& service,
              std::chrono::milliseconds first_pause = std::chrono::seconds(1));

    /// Of a VM that is waited for already, nothing changes.
    void try_later(const std::string& vm);

private:
    void wait(const std::string& vm, std::chrono::milliseconds pause);
    void try_now(const std::string& vm, std::chrono::milliseconds pause);

    boost::asio::io_context& loop_;
    Service& service_;
    std::chrono::milliseconds first_pause_;
    std::set<std::string> late_;  ///< on the loop's thread
};

}  // namespace banger::daemon
