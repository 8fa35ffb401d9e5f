// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/places.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace banger::forward {
namespace {

TEST(Places, AreGivenBackByWhoeverLetsThemGo)
{
    const auto places = std::make_shared<Places>(2);
    auto one = places->take();
    const auto other = places->take();
    EXPECT_TRUE(one && other);
    EXPECT_FALSE(places->take());
    const auto copy = one;
    one.reset();
    EXPECT_EQ(places->taken(), 2U);
    EXPECT_FALSE(places->take());
}

TEST(Places, WhoWaitsIsServedInOrderAndWhoHasNoUseForItPassesItOn)
{
    const auto places = std::make_shared<Places>(1);
    auto held = places->take();
    std::vector<int> served;
    std::vector<Places::Place> kept;
    places->await([&](const Places::Place&) { served.push_back(1); });
    places->await([&](const Places::Place& place) {
        served.push_back(2);
        kept.push_back(place);
    });
    places->await([&](const Places::Place&) { served.push_back(3); });
    EXPECT_TRUE(served.empty());
    held.reset();
    EXPECT_EQ(served, (std::vector<int>{1, 2}));
    kept.clear();
    EXPECT_EQ(served, (std::vector<int>{1, 2, 3}));
    EXPECT_TRUE(places->take());
}

TEST(GuestPlaces, OneGuestLeavesSomeToTheOthersUpToWhatThereIsForAll)
{
    GuestPlaces guests(2, 3);
    const auto web = guests.of("web");
    const auto db = guests.of("db");
    EXPECT_EQ(guests.of("web"), web);
    const auto first = web->take();
    const auto second = web->take();
    EXPECT_FALSE(web->take());
    auto third = db->take();
    EXPECT_TRUE(third);
    EXPECT_FALSE(db->take()) << "that was the last of all";

    Places::Place got;
    db->await([&](const Places::Place& place) { got = place; });
    third.reset();
    EXPECT_TRUE(got);
    EXPECT_EQ(db->taken(), 1U);
}

TEST(GuestPlaces, WhoWaitsForAllOfThemGetsNoMoreThanHisOwn)
{
    GuestPlaces guests(1, 1);
    const auto web = guests.of("web");
    const auto db = guests.of("db");
    auto held = db->take();
    std::vector<Places::Place> got;
    for (int i = 0; i < 2; ++i)
        web->await([&](const Places::Place& place) { got.push_back(place); });
    held.reset();
    EXPECT_EQ(got.size(), 1U);
    std::exchange(got, {}).clear();
    EXPECT_EQ(got.size(), 1U);
}

}  // namespace
}  // namespace banger::forward
