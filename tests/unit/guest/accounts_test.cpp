// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/accounts.hpp"

#include <gmock/gmock.h>

namespace banger::agent {
namespace {

constexpr const char* passwd =
    "root:x:0:0:root:/root:/bin/bash\n"
    "# a comment\n"
    "short:x:1\n"
    "user:x:1000:1000:A User,,,:/home/user:\n"
    "1234:x:77:77::/n:/bin/sh\n";
constexpr const char* group = "root:x:0:\nuser:x:1000:\nsudo:x:27:other,user\nusers:x:100:user\nbroken:x\n";

TEST(FindAccount, NobodyNamedIsRoot)
{
    const auto account = find_account("", passwd, group);
    ASSERT_TRUE(account);
    EXPECT_EQ(account->uid, 0U);
    EXPECT_EQ(account->home, "/root");
    EXPECT_EQ(account->shell, "/bin/bash");
}

TEST(FindAccount, ANameBringsItsGroups)
{
    const auto account = find_account("user", passwd, group);
    ASSERT_TRUE(account);
    EXPECT_EQ(account->uid, 1000U);
    EXPECT_EQ(account->shell, "/bin/sh");
    EXPECT_THAT(account->groups, testing::UnorderedElementsAre(1000U, 27U, 100U));
}

TEST(FindAccount, NumbersNeedNotBeKnown)
{
    const auto account = find_account("4711:12", passwd, group);
    ASSERT_TRUE(account);
    EXPECT_EQ(account->uid, 4711U);
    EXPECT_EQ(account->gid, 12U);
    EXPECT_EQ(account->home, "/");
    EXPECT_THAT(account->groups, testing::ElementsAre(12U));
    EXPECT_EQ(find_account("1000", passwd, group)->name, "user");
}

TEST(FindAccount, AGroupMayBeNamed)
{
    const auto account = find_account("user:sudo", passwd, group);
    ASSERT_TRUE(account);
    EXPECT_EQ(account->uid, 1000U);
    EXPECT_EQ(account->gid, 27U);
    EXPECT_FALSE(find_account("user:nothing", passwd, group));
    EXPECT_FALSE(find_account("user:broken", passwd, group));
}

TEST(FindAccount, RootNeedsNoFiles)
{
    const auto account = find_account("0", "", "");
    ASSERT_TRUE(account);
    EXPECT_EQ(account->home, "/root");
    EXPECT_EQ(account->name, "root");
}

TEST(FindAccount, RefusesWhatNamesNobody)
{
    EXPECT_EQ(find_account("nobody-here", passwd, group).error().code, sdk::Code::not_found);
    EXPECT_FALSE(find_account("4294967295", passwd, group));
    EXPECT_FALSE(find_account("1:2:3", passwd, group));
    EXPECT_FALSE(find_account("1:", passwd, group));
    EXPECT_FALSE(find_account("-1", passwd, group));
}

}  // namespace
}  // namespace banger::agent
