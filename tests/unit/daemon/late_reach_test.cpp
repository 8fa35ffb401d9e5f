// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/late_reach.hpp"

#include <gtest/gtest.h>

#include <future>

#include "core/lifecycle/reach.hpp"
#include "core/plugins/kinds.hpp"
#include "service_world.hpp"

namespace banger::daemon {
namespace {

class LateReachTest : public ServiceWorld {
protected:
    LateReachTest() : late_(loop_, *service_, std::chrono::milliseconds(1)), vm_(add("aabbccddee01", "fake", "fake"))
    {
        engine_->open_reach_later = [this](const std::string& vm) { late_.try_later(vm); };
        engine_->publish_ports = [this](const std::string&, const std::string& address) { published_.set_value(address); };
        run_machine(*engine_, vm_);
    }
    ~LateReachTest() override { shut_down(); }
    void note(const sdk::Handle& handle)
    {
        const auto lock = engine_->vm_locks.lock(vm_.id, "noted");
        ASSERT_TRUE(lock);
        ASSERT_TRUE(engine_->journal_of(vm_.id)->note_bound(handle));
    }

    LateReach late_;
    model::VmRecord vm_;
    std::promise<std::string> published_;
};

TEST_F(LateReachTest, WhatFailedIsTriedUntilItIsDone)
{
    sdk::Handle link{std::string(plugins::kind_of<sdk::Network>), "gone", "nic", owner_of(vm_.id), {{"address", "10.1.2.3"}}};
    note(link);
    EXPECT_FALSE(lifecycle::open_reach(*engine_, vm_, call_));
    auto published = published_.get_future();
    EXPECT_EQ(published.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
    link.bound.clear();
    note(link);
    ASSERT_EQ(published.wait_for(std::chrono::seconds(20)), std::future_status::ready);
    EXPECT_TRUE(published.get().starts_with("127.86."));
}

}  // namespace
}  // namespace banger::daemon
