// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/room_watch.hpp"

#include <boost/asio/post.hpp>
#include <utility>
#include <vector>

#include "core/log/log.hpp"

namespace banger::daemon {

using boost::asio::post;

namespace {

constexpr std::chrono::seconds until_paused{1};      // with those that somebody worked on
constexpr std::chrono::seconds between_machines{60};

}  // namespace

RoomWatch::RoomWatch(boost::asio::io_context& loop, Service& service, std::uint64_t pause_below, FreeRoom free_room)
    : loop_(loop), service_(service), pause_below_(pause_below), free_room_(std::move(free_room)), timer_(loop)
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
        disk_troubles_.erase(vm);
        if (vms_.empty())
            timer_.cancel();
    });
}

// On a worker: a file system may take its time to answer.
void RoomWatch::look()
{
    looking_ = true;
    service_.run_own("room", [this](lifecycle::Operation& /*operation*/) -> sdk::Result<void> {
        auto free = free_room_(service_.engine());
        post(loop_, [this, free] {
            constexpr std::chrono::minutes who_did_not_answer{1};
            free ? judge(*free) : look_again(who_did_not_answer);
        });
        return free ? sdk::Result<void>() : std::move(free).error();
    });
}

void RoomWatch::judge(std::uint64_t free)
{
    const auto rate = filled_per_second(free);
    auto wait = lifecycle::until_next_look(free, pause_below_, rate);
    if (free < pause_below_) {
        for (const auto& [vm, count] : vms_)
            if (!service_.engine().standing.has(vm)) {
                if (!in_pausing_.insert(vm).second)
                    continue;  // somebody is at it, or it cannot be paused
                pause(vm, free);
                wait = until_paused;
            }
    } else if (free >= lifecycle::enough_room(pause_below_)) {
        in_pausing_.clear();
        for (const auto& vm : service_.engine().standing.all())
            resume(vm);
        if (!machines_looked_at_ && (was_scarce_ || looked_ - looked_at_machines_ >= between_machines))
            look_at_machines();
    }
    was_scarce_ = was_scarce_ || free < lifecycle::enough_room(pause_below_);
    look_again(wait);
}

std::uint64_t RoomWatch::filled_per_second(std::uint64_t free)
{
    const auto now = std::chrono::steady_clock::now();
    const auto last = std::exchange(free_, free);
    const std::chrono::duration<double> time = now - std::exchange(looked_, now);
    if (!last || *last <= free || time.count() <= 0)
        return 0;
    return static_cast<std::uint64_t>(static_cast<double>(*last - free) / time.count());
}

// Whoever filled the disk up may have emptied it before this looked.
void RoomWatch::look_at_machines()
{
    looked_at_machines_ = looked_;
    was_scarce_ = false;
    machines_looked_at_ = true;
    std::vector<std::string> vms;
    for (const auto& [vm, count] : vms_)
        vms.push_back(vm);
    service_.run_own("machines", [this, vms](lifecycle::Operation& operation) -> sdk::Result<void> {
        auto& engine = service_.engine();
        for (const auto& vm : vms) {
            const bool known = engine.standing.has(vm);  // which is on its way
            auto resumed = known ? sdk::Result<bool>(false) : lifecycle::resume_if_it_stands(engine, vm, operation);
            if (!resumed)
                log::warning("vm " + vm + ": " + resumed.error().message);
            else if (*resumed)
                went_on(vm);
            const auto record = engine.store.find_id(vm);
            const auto failed = record ? lifecycle::failed_disks(engine, *record) : std::vector<std::string>();
            const std::string trouble = !failed            ? failed.error().message
                                        : failed->empty() ? ""
                                                          : "a disk of it could not be written to, and it needs a restart";
            post(loop_, [this, vm, trouble] {
                if (trouble.empty())
                    disk_troubles_.erase(vm);
                else if (vms_.contains(vm) && std::exchange(disk_troubles_[vm], trouble) != trouble)
                    log::error("vm " + vm + ": " + trouble);
            });
        }
        post(loop_, [this] { machines_looked_at_ = false; });
        return {};
    });
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
        auto paused = lifecycle::pause_for_room(service_.engine(), vm, free, operation);
        const bool final = paused && *paused == lifecycle::Paused::cannot;
        if (!final)
            post(loop_, [this, vm] { in_pausing_.erase(vm); });
        if (!paused)
            return std::move(paused).error();
        const std::string why = "only " + lifecycle::how_much_is_free(service_.engine(), free);
        if (*paused == lifecycle::Paused::yes)
            log::warning("vm " + vm + " is paused until there is room again: " + why);
        else if (*paused == lifecycle::Paused::called_off)
            log::warning("vm " + vm + " is not started: " + why);
        else if (final)
            log::warning("vm " + vm + " runs on, for its VMM cannot pause it, although " + why);
        return {};
    });
}

void RoomWatch::resume(const std::string& vm)
{
    service_.run_own("vm.resume", [this, vm](lifecycle::Operation& operation) -> sdk::Result<void> {
        auto resumed = lifecycle::resume_with_room(service_.engine(), vm, operation);
        if (resumed && !service_.engine().standing.has(vm))
            went_on(vm);
        return resumed;
    });
}

void RoomWatch::went_on(const std::string& vm) const
{
    log::info("vm " + vm + " goes on: there is room again");
    if (on_resumed)
        on_resumed(vm);
}

}  // namespace banger::daemon
