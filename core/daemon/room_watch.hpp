// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/daemon/service.hpp"
#include "core/lifecycle/room.hpp"

namespace banger::daemon {

/// Looks at the room on the host's disk while VMs boot or run, and pauses and resumes them by it (core/lifecycle/room.hpp).
/// One timer, the longer the more room there is and the slower it goes. Now and then, and whenever room was scarce, it also
/// looks for VMs that met a full disk between two looks.
/// Lifetime: outlives the service, whose workers tell it what they saw.
class RoomWatch {
public:
    using FreeRoom = std::function<sdk::Result<std::uint64_t>(const lifecycle::Engine& engine)>;
    /// `free_room` is asked by a worker.
    RoomWatch(boost::asio::io_context& loop, Service& service, std::uint64_t pause_below,
              FreeRoom free_room = lifecycle::free_room);

    /// A VM boots or runs; that is over. From any thread, and as often each.
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
    /// How fast it has filled up since the last look, in bytes.
    std::uint64_t filled_per_second(std::uint64_t free);
    void look_at_machines();
    void went_on(const std::string& vm) const;

    boost::asio::io_context& loop_;
    Service& service_;
    std::uint64_t pause_below_;
    FreeRoom free_room_;
    boost::asio::steady_timer timer_;
    bool looking_ = false;             ///< a worker does, or the timer stands
    std::optional<std::uint64_t> free_;  ///< at the last look
    std::chrono::steady_clock::time_point looked_;
    std::chrono::steady_clock::time_point looked_at_machines_;
    bool was_scarce_ = false;          ///< since the last look at machines
    bool machines_looked_at_ = false;  ///< by a worker, now
    std::map<std::string, int> vms_;   ///< how many VMMs of each: the end of one may be told after the next began
    std::map<std::string, std::string> disk_troubles_;  ///< what was said of each last
    std::set<std::string> in_pausing_; ///< until a worker has said how it went, and those that cannot be paused
};

}  // namespace banger::daemon
