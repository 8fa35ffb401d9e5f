// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/room_watch.hpp"

#include <boost/asio/post.hpp>

#include "banger/sdk/os/file.hpp"
#include "core/base/sizes.hpp"
#include "core/lifecycle/room.hpp"
#include "core/log/log.hpp"

namespace banger::daemon {

using boost::asio::post;

RoomWatch::RoomWatch(boost::asio::io_context& loop, Service& service, std::uint64_t pause_below)
    : loop_(loop), service_(service), pause_below_(pause_below), timer_(loop)
{
}

void RoomWatch::began(const std::string& vm)
{
    post(loop_, [this, vm] {
        ++vms_[vm];
        if (!looking_)
            look();
    });
}

void RoomWatch::ended(const std::string& vm)
{
    post(loop_, [this, vm] {
        const auto found = vms_.find(vm);
        if (found == vms_.end() || --found->second > 0)
            return;
        vms_.erase(found);
        in_pausing_.erase(vm);
        if (vms_.empty())
            timer_.cancel();
    });
}

// On a worker: a file system may take its time to answer.
void RoomWatch::look()
{
    looking_ = true;
    service_.run_own("room", [this](lifecycle::Operation& /*operation*/) -> sdk::Result<void> {
        auto free = sdk::os::free_bytes(service_.engine().paths.vms());
        post(loop_, [this, free] {
            constexpr std::chrono::minutes who_did_not_answer{1};
            free ? judge(*free) : look_again(who_did_not_answer);
        });
        return free ? sdk::Result<void>() : std::move(free).error();
    });
}

void RoomWatch::judge(std::uint64_t free)
{
    if (free < pause_below_) {
        for (const auto& [vm, count] : vms_)
            if (!service_.engine().standing.has(vm) && in_pausing_.insert(vm).second)
                pause(vm, free);
    } else if (free >= lifecycle::enough_room(pause_below_)) {
        in_pausing_.clear();
        for (const auto& vm : service_.engine().standing.all())
            resume(vm);
    }
    look_again(lifecycle::until_next_look(free, pause_below_));
}

void RoomWatch::look_again(std::chrono::milliseconds wait)
{
    looking_ = !vms_.empty();
    if (!looking_)
        return;
    timer_.expires_after(wait);
    timer_.async_wait([this](const boost::system::error_code& error) {
        looking_ = false;
        if (!error || !vms_.empty())  // the last one ended, and another began before this was told
            look();
    });
}

void RoomWatch::pause(const std::string& vm, std::uint64_t free)
{
    service_.run_own("vm.pause", [this, vm, free](lifecycle::Operation& operation) -> sdk::Result<void> {
        auto paused = lifecycle::pause_for_room(service_.engine(), vm, operation);
        const bool final = paused && *paused == lifecycle::Paused::cannot;
        if (!final)
            post(loop_, [this, vm] { in_pausing_.erase(vm); });
        if (!paused)
            return std::move(paused).error();
        const std::string why = "only " + base::format_size(free) + " are free in " + service_.engine().paths.state;
        if (*paused == lifecycle::Paused::yes)
            log::warning("vm " + vm + " is paused until there is room again: " + why);
        else if (final)
            log::warning("vm " + vm + " runs on, for its VMM cannot pause it, although " + why);
        return {};
    });
}

void RoomWatch::resume(const std::string& vm)
{
    service_.run_own("vm.resume", [this, vm](lifecycle::Operation& operation) -> sdk::Result<void> {
        auto resumed = lifecycle::resume_with_room(service_.engine(), vm, operation);
        if (resumed && !service_.engine().standing.has(vm)) {
            log::info("vm " + vm + " goes on: there is room again");
            if (on_resumed)
                on_resumed(vm);
        }
        return resumed;
    });
}

}  // namespace banger::daemon
