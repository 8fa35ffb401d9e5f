// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/lock_order.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "core/base/keyed_mutex.hpp"
#include "core/base/synchronized.hpp"

namespace banger::base {
namespace {

TEST(LockOrderDeathTest, NothingLongIsDoneWhileDataIsLocked)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    Synchronized<int> one(1);
    Synchronized<int> two(2);
    KeyedMutex keys;
    EXPECT_DEATH(
        {
            auto held = one.lock();
            *two.lock() = *held;
        },
        "about to take a lock");
    EXPECT_DEATH(
        {
            auto held = one.lock();
            (void)keys.try_lock("vm", "vm is being tested");
        },
        "about to wait for a key");
    EXPECT_DEATH(
        {
            auto held = one.lock();
            lock_order::about_to("call a plugin");
        },
        "about to call a plugin");
}

TEST(LockOrder, AllowsTheOrderAndKeepsAnAccountForEachThread)
{
    Synchronized<int> one(1);
    KeyedMutex keys;
    auto key = keys.lock("vm", "vm is being tested");
    ASSERT_TRUE(key);
    EXPECT_EQ(*one.lock(), 1);
    lock_order::about_to("call a plugin");
    auto held = one.lock();
    std::jthread([&] { lock_order::about_to("call a plugin"); }).join();
    EXPECT_EQ(*held, 1);
}

}  // namespace
}  // namespace banger::base
