// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/sync_plan.hpp"

#include <gmock/gmock.h>

namespace banger::workspace {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

tree::Stamp at(std::int64_t time)
{
    return {0100644, time, time, 1};
}

/// What is here now.
LookUp looking_at(const tree::Stamps& here)
{
    return [here](const std::string& name) {
        const auto found = here.find(name);
        return found == here.end() ? std::nullopt : std::optional(found->second);
    };
}

TEST(SyncPlan, OnlyWhatDiffersGoes)
{
    const tree::Stamps agreed{{"changed", at(1)}, {"deleted", at(1)}, {"same", at(1)}};
    const tree::Stamps here{{"changed", at(2)}, {"new", at(3)}, {"same", at(1)}};
    const auto plan = plan_all(agreed, {"changed", "new", "same"}, looking_at(here));
    EXPECT_THAT(plan.send, ElementsAre("changed", "new"));
    EXPECT_THAT(plan.remove, ElementsAre("deleted"));
    EXPECT_THAT(plan.forget, IsEmpty());
}

TEST(SyncPlan, AModeIsADifference)
{
    tree::Stamp executable = at(1);
    executable.mode = 0100755;
    EXPECT_THAT(plan_all({{"a", at(1)}}, {"a"}, looking_at({{"a", executable}})).send, ElementsAre("a"));
}

TEST(SyncPlan, WhatIsIgnoredFromNowOnIsLeftAlone)
{
    const auto plan = plan_all({{"log", at(1)}}, {}, looking_at({{"log", at(2)}}));
    EXPECT_THAT(plan.forget, ElementsAre("log"));
    EXPECT_THAT(plan.send, IsEmpty());
    EXPECT_THAT(plan.remove, IsEmpty());
}

TEST(SyncPlan, AListedFileThatIsGoneIsRemoved)
{
    EXPECT_THAT(plan_all({{"a", at(1)}}, {"a"}, looking_at({})).remove, ElementsAre("a")) << "git still tracks it";
    EXPECT_TRUE(plan_all({}, {"a"}, looking_at({})).empty());
}

TEST(SyncPlan, SomeMeansTheNamedAndWhatWasBelow)
{
    const tree::Stamps agreed{{"d-e", at(1)}, {"d/a", at(1)}, {"d/b/c", at(1)}, {"other", at(1)}};
    const auto renamed = plan_some(agreed, {"d", "e", "e/a"}, {"e/a"}, looking_at({{"e/a", at(1)}, {"d-e", at(1)}}));
    EXPECT_THAT(renamed.remove, ElementsAre("d/a", "d/b/c")) << "a directory's name stands for its files";
    EXPECT_THAT(renamed.send, ElementsAre("e/a"));
}

TEST(SyncPlan, SomeSendsNoNewFileThatGitDoesNotWant)
{
    const auto plan = plan_some({{"known", at(1)}}, {"known", "ignored"}, {},
                                looking_at({{"known", at(2)}, {"ignored", at(1)}}));
    EXPECT_THAT(plan.send, ElementsAre("known"));
}

TEST(SyncPlan, DirectoriesGoInsideOut)
{
    const auto is_here = [](const std::string& name) { return name == "stays"; };
    EXPECT_THAT(emptied_directories({"a/b/c/1", "a/b/2", "stays/x/3", "4"}, is_here),
                ElementsAre("stays/x", "a/b/c", "a/b", "a"));
}

}  // namespace
}  // namespace banger::workspace
