// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/keyed_mutex.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "core/base/call_context.hpp"

namespace banger::base {
namespace {

using namespace std::chrono_literals;
using ::testing::MatchesRegex;

TEST(KeyedMutex, SaysWhoHoldsAKey)
{
    KeyedMutex locks;
    auto held = locks.lock("1", "vm 'web' is being started");
    ASSERT_TRUE(held);
    const auto second = locks.try_lock("1", "vm 'web' is being stopped");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, sdk::Code::busy);
    EXPECT_THAT(second.error().message, MatchesRegex("vm 'web' is being started \\([0-9.]+ s\\)"));
    held->now_doing("vm 'web' is being rolled back");
    EXPECT_EQ(locks.holder("1")->doing, "vm 'web' is being rolled back");
    EXPECT_TRUE(locks.try_lock("2", "another key")) << "keys are apart";
    held->unlock();
    EXPECT_FALSE(locks.holder("1"));
    EXPECT_TRUE(locks.try_lock("1", "again"));
}

TEST(KeyedMutex, WaitingEndsWithPatience)
{
    KeyedMutex locks;
    const auto held = locks.lock("1", "vm 'web' is being started");
    const auto second = locks.lock("1", "x", nullptr, 20ms);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, sdk::Code::busy);
    EXPECT_EQ(locks.holder("1")->doing, "vm 'web' is being started");
}

TEST(KeyedMutex, WaitingCanBeCancelled)
{
    KeyedMutex locks;
    const auto held = locks.lock("1", "vm 'web' is being started");
    CallContext call;
    auto waiter = std::async(std::launch::async, [&] { return locks.lock("1", "x", &call).has_value(); });
    call.cancel();
    EXPECT_FALSE(waiter.get());
    CallContext cancelled_before;
    cancelled_before.cancel();
    const auto refused = locks.lock("1", "x", &cancelled_before);
    EXPECT_EQ(refused.error().code, sdk::Code::cancelled);
    EXPECT_THAT(refused.error().message, MatchesRegex("cancelled while waiting: vm 'web' is being started \\([0-9.]+ s\\)"));
}

TEST(KeyedMutex, AReleasedKeyGoesToWhoWaits)
{
    KeyedMutex locks;
    auto held = locks.lock("1", "first");
    auto waiter = std::async(std::launch::async, [&] { return locks.lock("1", "second"); });
    held->unlock();
    auto second = waiter.get();
    ASSERT_TRUE(second);
    EXPECT_EQ(locks.holder("1")->doing, "second");
}

TEST(KeyedMutex, ALockMayOutliveItsMutexAndMove)
{
    KeyedMutex::Lock kept;
    {
        KeyedMutex locks;
        kept = std::move(*locks.lock("1", "x"));
    }
    EXPECT_TRUE(kept);
    std::thread([lock = std::move(kept)] {}).join();
    EXPECT_FALSE(kept);
}

TEST(KeyedMutex, OnlyOneHoldsAKeyUnderContention)
{
    KeyedMutex locks;
    std::atomic<int> inside = 0;
    std::atomic<int> entered = 0;
    int counter = 0;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i) {
                CallContext call;
                if (t == 0)
                    call.cancel();
                auto lock = locks.lock("k", "x", &call, t == 1 ? std::optional(0ms) : std::nullopt);
                if (!lock)
                    continue;
                EXPECT_EQ(++inside, 1);
                ++counter;
                ++entered;
                --inside;
            }
        });
    threads.clear();
    EXPECT_EQ(counter, entered);
    EXPECT_GE(counter, 6 * 200);
    EXPECT_FALSE(locks.holder("k"));
}

}  // namespace
}  // namespace banger::base
