// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/stale.hpp"

#include <gmock/gmock.h>

#include "tests/unit/lifecycle/usage_world.hpp"

namespace banger::lifecycle {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using StaleTest = UsageWorld;

TEST_F(StaleTest, FindsThoseThatAreAndWhenToLookForTheNext)
{
    Usage usage(directory_, [this] { return now_; });
    std::set<std::string> watched{"a", "b"};
    usage.used("a");
    pass(40min);
    usage.used("b");
    auto found = find_stale(usage, watched, 1h);
    EXPECT_THAT(found.vms, IsEmpty());
    EXPECT_EQ(found.look_again, 20min);

    pass(20min);
    found = find_stale(usage, watched, 1h);
    EXPECT_THAT(found.vms, ElementsAre("a"));
    EXPECT_EQ(found.look_again, 40min);
    EXPECT_THAT(watched, ElementsAre("b"));

    pass(40min);
    found = find_stale(usage, watched, 1h);
    EXPECT_THAT(found.vms, ElementsAre("b"));
    EXPECT_EQ(found.look_again, std::nullopt) << "nobody to wait for";
    EXPECT_THAT(watched, IsEmpty());
}

TEST_F(StaleTest, AUseInBetweenPutsItOff)
{
    Usage usage(directory_, [this] { return now_; });
    std::set<std::string> watched{"a"};
    usage.used("a");
    pass(59min);
    usage.used("a");
    pass(1min);
    EXPECT_EQ(find_stale(usage, watched, 1h).look_again, 59min);
}

TEST_F(StaleTest, OneInUseIsLeftAloneUntilItIsQuiet)
{
    Usage usage(directory_, [this] { return now_; });
    std::set<std::string> watched{"a"};
    usage.on_quiet = [&](const std::string& vm) { watched.insert(vm); };
    usage.opened("a");
    pass(9h);
    auto found = find_stale(usage, watched, 1h);
    EXPECT_THAT(found.vms, IsEmpty());
    EXPECT_EQ(found.look_again, std::nullopt) << "its end is an event of its own";
    EXPECT_THAT(watched, IsEmpty());
    usage.closed("a");
    EXPECT_THAT(watched, ElementsAre("a"));
    EXPECT_EQ(find_stale(usage, watched, 1h).look_again, 1h);
    pass(1h);
    EXPECT_THAT(find_stale(usage, watched, 1h).vms, ElementsAre("a"));
}

}  // namespace
}  // namespace banger::lifecycle
