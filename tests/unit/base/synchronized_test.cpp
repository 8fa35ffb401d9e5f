// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/synchronized.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <thread>
#include <vector>

namespace banger::base {
namespace {

TEST(Synchronized, LetsOneInAtATime)
{
    Synchronized<std::map<std::string, int>> counts;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < 1000; ++i)
                    ++(*counts.lock())["a"];
            });
    }
    const auto& shared = counts;
    EXPECT_EQ(shared.lock()->at("a"), 4000);
}

TEST(Synchronized, WaitsForAChange)
{
    Synchronized<int> value(0);
    std::condition_variable changed;
    std::jthread other([&] {
        *value.lock() = 7;
        changed.notify_all();
    });
    auto held = value.lock();
    held.wait(changed, [](int now) { return now == 7; });
    EXPECT_EQ(*held, 7);
}

}  // namespace
}  // namespace banger::base
