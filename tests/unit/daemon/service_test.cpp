// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <future>

#include "banger/sdk/os/file.hpp"
#include "service_world.hpp"

namespace banger::daemon {
namespace {

class ServiceTest : public ServiceWorld {
protected:
    [[nodiscard]] std::string note_of(const model::VmRecord& vm) const
    {
        return owner_of(vm.id).directory + "/last-use";
    }
};

TEST_F(ServiceTest, StreamsAreNotedInOrderAndNotByWhoeverTellsOfThem)
{
    const auto web = add("aabbccddee01", "fake", "fake");
    const auto db = add("aabbccddee02", "fake", "fake");
    std::promise<void> reached;
    std::promise<void> go_on;
    // Whoever writes notes is held up.
    engine_->usage.on_quiet = [&](const std::string&) {
        reached.set_value();
        go_on.get_future().wait();
    };
    service_->stream_changed(web.id, true);
    service_->stream_changed(web.id, false);
    reached.get_future().wait();
    service_->stream_changed(db.id, true);
    EXPECT_FALSE(sdk::os::exists(note_of(db)));
    go_on.set_value();
    shut_down();
    EXPECT_EQ(*sdk::os::read_file(note_of(db)), "open\n");
    EXPECT_EQ(*sdk::os::read_file(note_of(web)), "");
}

TEST_F(ServiceTest, ManySessionsThatTakeTheirTimeToEndKeepNoMachineFromBeingStopped)
{
    constexpr int many = 40;
    std::promise<void> sessions_end;
    const auto end = sessions_end.get_future().share();
    for (int i = 0; i < many; ++i)
        service_->run_own("vm.session.stop", [end](lifecycle::Operation&) {
            end.wait();
            return sdk::Result<void>();
        });
    std::promise<void> stopped;
    service_->run_own("vm.stop", [&](lifecycle::Operation&) {
        stopped.set_value();
        return sdk::Result<void>();
    });
    EXPECT_EQ(stopped.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
    sessions_end.set_value();
}

}  // namespace
}  // namespace banger::daemon
