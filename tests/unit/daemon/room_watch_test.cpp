// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/room_watch.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <semaphore>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/vmm_snapshot.hpp"
#include "heard_log.hpp"
#include "service_world.hpp"
#include "tests/contract/file_changes.hpp"

namespace banger::daemon {
namespace {

constexpr std::chrono::seconds patience_with_watch{20};

class RoomWatchTest : public ServiceWorld {
protected:
    /// It stands, and nobody said that it should.
    model::VmRecord add_standing(const std::string& id)
    {
        auto vm = add(id, "telling", "fake");
        EXPECT_TRUE(provider<sdk::VmmSnapshot>("telling")->pause(run_machine(*engine_, vm)));
        return vm;
    }
};

TEST_F(RoomWatchTest, WhatMetAFullDiskBetweenTwoLooksGoesOn)
{
    const auto vm = add_standing("0000000000e1");
    const std::string resumed = owner_of(vm.id).directory + "/resumed";
    ASSERT_TRUE(sdk::os::write_file_atomic(resumed, ""));
    const auto goes_on = [&] { return !sdk::os::read_file(resumed).value_or({}).empty(); };
    RoomWatch watch(loop_, *service_, 1);
    watch.began(vm.id);
    sdk::testing::wait_for_change(resumed, patience_with_watch, goes_on);
    EXPECT_TRUE(goes_on());
    watch.ended(vm.id);
    shut_down();
}

TEST_F(RoomWatchTest, AStartIsCalledOffWhileItsGuestBoots)
{
    constexpr std::uint64_t more_than_any_disk_has = 1ULL << 60U;
    const auto vm = add("0000000000e2", "telling", "fake");
    lifecycle::Operation start("vm.start", nullptr);
    auto lock = lifecycle::lock_vm(*engine_, vm, "started", start);
    ASSERT_TRUE(lock);
    const auto entry = engine_->underway.enter(vm.id, start);
    RoomWatch watch(loop_, *service_, more_than_any_disk_has);
    watch.began(vm.id);
    pollfd cancelled{start.cancel_descriptor(), POLLIN, 0};
    EXPECT_EQ(::poll(&cancelled, 1, static_cast<int>(std::chrono::milliseconds(patience_with_watch).count())), 1);
    ASSERT_TRUE(start.called_off());
    EXPECT_EQ(start.called_off()->code, sdk::Code::no_space);
    watch.ended(vm.id);
    shut_down();
}

TEST_F(RoomWatchTest, WhatIsWrongWithADiskIsSaidOnce)
{
    constexpr std::uint64_t pause_below = 1000;
    auto vm = add("0000000000e3", "telling", "fake");
    const auto machine = run_machine(*engine_, vm);
    vm.storage = "of-nobody";
    ASSERT_TRUE(store_->update(vm));
    const auto power = provider<sdk::VmmSnapshot>("telling");
    ASSERT_TRUE(power->pause(machine));
    const HeardLog heard;
    // Machines are looked at whenever room was scarce and is not any more.
    bool scarce = false;
    RoomWatch watch(loop_, *service_, pause_below, [&](const lifecycle::Engine&) {
        scarce = !scarce;
        return scarce ? pause_below : lifecycle::enough_room(pause_below);
    });
    std::counting_semaphore<> looks(0);
    watch.on_resumed = [&](const std::string&) {
        EXPECT_TRUE(power->pause(machine));
        looks.release();
    };
    watch.began(vm.id);
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(looks.try_acquire_for(patience_with_watch));  // by the third what the first two found is dealt with
    watch.ended(vm.id);
    shut_down();
    const std::string said = heard.text();
    const auto first = said.find("error vm " + vm.id);
    ASSERT_NE(first, std::string::npos);
    EXPECT_EQ(said.find("error vm", first + 1), std::string::npos) << said;
}

}  // namespace
}  // namespace banger::daemon
