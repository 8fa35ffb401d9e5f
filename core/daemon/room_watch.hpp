// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "core/daemon/service.hpp"

namespace banger::daemon {

/// Looks at the room on the host's disk while VMs run, and pauses and resumes them by it (core/lifecycle/room.hpp). One
/// timer, the longer the more room there is.
/// Lifetime: outlives the service, whose workers tell it what they saw.
class RoomWatch {
public:
    RoomWatch(boost::asio::io_context& loop, Service& service, std::uint64_t pause_below);

    /// A VM runs; its VMM has ended. From any thread, and as often each.
    void began(const std::string& vm);
    void ended(const std::string& vm);

    /// Told of a VM that goes on, by a worker.
    std::function<void(const std::string& vm)> on_resumed;

private:
    void look();
    void judge(std::uint64_t free);
    void look_again(std::chrono::milliseconds wait);
    void pause(const std::string& vm, std::uint64_t free);
    void resume(const std::string& vm);

    boost::asio::io_context& loop_;
    Service& service_;
    std::uint64_t pause_below_;
    boost::asio::steady_timer timer_;
    bool looking_ = false;             ///< a worker does, or the timer stands
    std::map<std::string, int> vms_;   ///< how many VMMs of each: the end of one may be told after the next began
    std::set<std::string> in_pausing_; ///< until a worker has said how it went, and those that cannot be paused
};

}  // namespace banger::daemon
