// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/two_way_plan.hpp"

#include <gmock/gmock.h>

namespace banger::workspace {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t second = 1'000'000'000;

tree::Stamp stamp(std::int64_t modified, std::uint64_t size = 1)
{
    return {0100644, modified, modified, size};
}

/// One file, and the lists of the plan that have it.
std::string planned(const std::optional<Agreement>& before, const Sides& now)
{
    Agreements agreed;
    if (before)
        agreed.emplace("f", *before);
    const auto plan = plan_two_way(agreed, {{"f", now}});
    std::string lists;
    for (const auto& [list, name] : {std::pair{&plan.send, "send "}, {&plan.receive, "receive "},
                                     {&plan.remove_there, "remove there "}, {&plan.remove_here, "remove here "},
                                     {&plan.compare, "compare "}, {&plan.forget, "forget "}})
        if (!list->empty())
            lists += name;
    return lists;
}

const tree::Stamp here = stamp(5 * second + 7);
const tree::Stamp arrived = stamp(5 * second);
const tree::Stamp other = stamp(9 * second + 1);

TEST(TwoWayPlan, ASideThatDidNotChangeGivesWay)
{
    const Agreement sent{here, std::nullopt};
    EXPECT_EQ(planned(sent, {here, arrived}), "");
    EXPECT_EQ(planned(sent, {other, arrived}), "send ");
    EXPECT_EQ(planned(sent, {here, other}), "receive ");
    EXPECT_EQ(planned(sent, {std::nullopt, arrived}), "remove there ");
    EXPECT_EQ(planned(sent, {here, std::nullopt}), "remove here ");
    const Agreement received{arrived, other};
    EXPECT_EQ(planned(received, {arrived, other}), "");
    EXPECT_EQ(planned(received, {arrived, stamp(9 * second + 2)}), "receive ");
}

TEST(TwoWayPlan, WhatIsNewOnOneSideComes)
{
    EXPECT_EQ(planned(std::nullopt, {here, std::nullopt}), "send ");
    EXPECT_EQ(planned(std::nullopt, {std::nullopt, other}), "receive ");
    EXPECT_EQ(planned(std::nullopt, {here, other}), "compare ");
}

TEST(TwoWayPlan, ChangedOnBothSidesIsNeverDecidedByTime)
{
    const Agreement sent{here, std::nullopt};
    EXPECT_EQ(planned(sent, {stamp(6 * second), other}), "compare ");
    EXPECT_EQ(planned(sent, {std::nullopt, other}), "receive ") << "a deletion gives way to a change";
    EXPECT_EQ(planned(sent, {other, std::nullopt}), "send ");
    EXPECT_EQ(planned(sent, {std::nullopt, std::nullopt}), "forget ");
}

TEST(TwoWayPlan, AFileAndADirectoryOfOneNameAreTakenOut)
{
    TwoWayPlan plan;
    plan.send = {"a", "other", "b/new"};
    plan.receive = {"a/x", "a/y/z", "b", "c"};
    plan.remove_there = {"a/old"};
    plan.remove_here = {"b/old", "ab"};
    const auto collisions = take_collisions(plan);
    ASSERT_EQ(collisions.size(), 2U);
    EXPECT_THAT(collisions.at("a"), ElementsAre("a", "a/x", "a/y/z", "a/old"));
    EXPECT_THAT(collisions.at("b"), ElementsAre("b/new", "b", "b/old"));
    EXPECT_THAT(plan.send, ElementsAre("other"));
    EXPECT_THAT(plan.receive, ElementsAre("c"));
    EXPECT_THAT(plan.remove_here, ElementsAre("ab"));
    EXPECT_THAT(plan.remove_there, ElementsAre());
}

TEST(TwoWayPlan, KnowsWhatAFileBecomesOnItsWay)
{
    EXPECT_TRUE(is_as_sent(here, arrived));
    EXPECT_FALSE(is_as_sent(here, here)) << "made in the guest in the same second";
    EXPECT_FALSE(is_as_sent(here, stamp(5 * second, 2)));
    EXPECT_FALSE(is_as_sent(here, stamp(6 * second)));
    tree::Stamp executable = arrived;
    executable.mode = 0100755;
    EXPECT_FALSE(is_as_sent(here, executable));
    tree::Stamp set_id = here;
    set_id.mode = 0104644;
    EXPECT_TRUE(is_as_sent(set_id, arrived)) << "set-id bits stay behind";
}

TEST(TwoWayPlan, NamesOfAGuestAreNotTrusted)
{
    for (const char* good : {"a", "a/b", ".gitignore", "..a", "a b\n"})
        EXPECT_TRUE(may_come(good)) << good;
    for (const char* bad :
         {"", "/a", "a/", "a//b", "../a", "a/../b", ".", "a/.", ".git/config", "s/.git/x", "a.guest-conflict",
          "a.guest-conflict/b"})
        EXPECT_FALSE(may_come(bad)) << bad;
}

}  // namespace
}  // namespace banger::workspace
