// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/fault.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "banger/sdk/os/file.hpp"

namespace banger::base::fault {
namespace {

TEST(Fault, CostsAndDoesNothingUnlessArmed)
{
    disarm();
    for (int i = 0; i < 1000; ++i)
        ASSERT_TRUE(reach("a point"));
}

TEST(Fault, TheNthPointFailsAndOnlyThat)
{
    const Armed armed(Plan{Action::error, 3, ""});
    EXPECT_TRUE(reach("one"));
    EXPECT_TRUE(reach("two"));
    EXPECT_FALSE(fired());
    const auto third = reach("three");
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().message, "injected fault at point 3: three");
    EXPECT_TRUE(reach("four"));
    EXPECT_EQ(reached(), 4U);
    EXPECT_TRUE(fired());
}

TEST(Fault, CountsOnlyThePointsThatMatch)
{
    const Armed armed(Plan{Action::error, 2, "attach"});
    EXPECT_TRUE(reach("before attach"));
    EXPECT_TRUE(reach("before release"));
    EXPECT_FALSE(reach("after attach"));
    EXPECT_EQ(reached(), 2U);
}

TEST(Fault, ZeroOnlyCounts)
{
    const Armed armed(Plan{});
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(reach("x"));
    EXPECT_EQ(reached(), 5U);
    EXPECT_FALSE(fired());
}

TEST(Fault, ArmingAgainCountsFromZero)
{
    for (int round = 0; round < 2; ++round) {
        const Armed armed(Plan{Action::error, 1, ""});
        EXPECT_FALSE(reach("x"));
    }
}

TEST(Fault, PlansAreRead)
{
    auto plan = parse("kill:12@before storage");
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->action, Action::kill);
    EXPECT_EQ(plan->at, 12U);
    EXPECT_EQ(plan->where, "before storage");
    EXPECT_EQ(parse("error:1")->action, Action::error);
    for (const char* text :
         {"", "error", "error:", "error:x", "boom:1", "error:1x", "error:-1", "kill:99999999999999999999"})
        EXPECT_FALSE(parse(text)) << text;
}

// In a child process, since the environment is read once.
TEST(FaultDeathTest, TheEnvironmentCanKill)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            arm(*parse("kill:2"));
            (void)reach("one");
            (void)reach("two");
            std::exit(0);
        },
        testing::KilledBySignal(SIGKILL), "");
}

TEST(FaultDeathTest, APlanInAFileIsTakenAnewWheneverThereIsOne)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            const std::string file = ::testing::TempDir() + "/plan-" + std::to_string(::getpid());
            ::setenv("BANGER_FAULT", ("file:" + file).c_str(), 1);
            const auto plan = [&](const char* text) { return sdk::os::write_file_atomic(file, text).has_value(); };
            bool well = reach("nobody armed it").has_value();
            for (int round = 0; round < 2; ++round) {
                well = well && plan("error:2\n") && reach("one") && sdk::os::exists(file);
                well = well && !reach("two") && !sdk::os::exists(file) && reach("three");
            }
            well = well && plan("nonsense") && !reach("one") && sdk::os::exists(file);
            well = well && plan("kill:1@two") && reach("one") && sdk::os::exists(file);
            if (well)
                (void)reach("two");
            std::exit(1);
        },
        testing::KilledBySignal(SIGKILL), "");
}

}  // namespace
}  // namespace banger::base::fault
