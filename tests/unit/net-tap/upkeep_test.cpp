// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "upkeep.hpp"

#include <gtest/gtest.h>

#include <semaphore>

#include "firewall.hpp"
#include "tests/unit/forward/own_network.hpp"

namespace banger::tap {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Nobody touches a table of this name, so that nothing but the failure has it asked again.
TEST(Upkeep, RulesThatCouldNotBeRestoredAreTriedAgain)
{
    std::counting_semaphore<> restored(0);
    unsigned failures = 2;
    Upkeep upkeep("banger_of_nobody", {[] {},
                                       [&] {
                                           if (failures == 0) {
                                               restored.release();
                                               return Upkeep::Looked::restored;
                                           }
                                           --failures;
                                           return Upkeep::Looked::failed;
                                       },
                                       [](const sdk::Error&) {}});
    upkeep.begin();
    EXPECT_TRUE(restored.try_acquire_for(seconds(20)));
}

TEST(Upkeep, WhereNothingWasFoundBehindAChangeThatIsLookedAtAgain)
{
    if (!forward::has_own_network())
        GTEST_SKIP() << "no network namespace can be made here";
    std::counting_semaphore<> looks(0);
    Upkeep upkeep("banger_of_nobody", {[] {},
                                       [&] {
                                           looks.release();
                                           return Upkeep::Looked::nothing_to_do;
                                       },
                                       [](const sdk::Error& error) { ADD_FAILURE() << error.message; }});
    upkeep.begin();
    ASSERT_TRUE(looks.try_acquire_for(seconds(20))) << "at what was before";
    const auto change = std::chrono::steady_clock::now();
    ASSERT_TRUE(run_nft("add table ip of_somebody"));
    do
        ASSERT_TRUE(looks.try_acquire_for(seconds(20)));
    while (std::chrono::steady_clock::now() - change < Upkeep::again_after(1));
}

TEST(Upkeep, EachFailureWaitsLongerUpToAMost)
{
    EXPECT_EQ(Upkeep::again_after(1), milliseconds(200));
    EXPECT_EQ(Upkeep::again_after(2), milliseconds(400));
    EXPECT_EQ(Upkeep::again_after(8), milliseconds(25600));
    EXPECT_EQ(Upkeep::again_after(9), seconds(30));
    EXPECT_EQ(Upkeep::again_after(1000000), seconds(30));
}

TEST(Upkeep, ThePoolIsFilledOnceForAllWhoTookTogether)
{
    std::counting_semaphore<> filled(0);
    Upkeep upkeep("banger_of_nobody", {[&] { filled.release(); }, [] { return Upkeep::Looked::nothing_to_do; }, [](const sdk::Error&) {}});
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 3; ++i)
        upkeep.ask_for_taps();
    EXPECT_TRUE(filled.try_acquire_for(seconds(20)));
    EXPECT_GE(std::chrono::steady_clock::now() - began, seconds(1));
    EXPECT_FALSE(filled.try_acquire_for(milliseconds(1500)));
}

TEST(Upkeep, WhoTakesAgainAndAgainDoesNotKeepThePoolEmpty)
{
    std::counting_semaphore<> filled(0);
    Upkeep upkeep("banger_of_nobody", {[&] { filled.release(); }, [] { return Upkeep::Looked::nothing_to_do; }, [](const sdk::Error&) {}});
    const auto began = std::chrono::steady_clock::now();
    bool was_filled = false;
    while (!was_filled && std::chrono::steady_clock::now() - began < seconds(20)) {
        upkeep.ask_for_taps();
        was_filled = filled.try_acquire_for(milliseconds(200));
    }
    EXPECT_TRUE(was_filled);
}

}  // namespace
}  // namespace banger::tap
