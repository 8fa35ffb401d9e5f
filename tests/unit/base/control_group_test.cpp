// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/control_group.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"

namespace banger::base {
namespace {

TEST(ControlGroup, IsSystemdsOfBothVersions)
{
    EXPECT_EQ(group_in("0::/system.slice/cron.service\n"), "/system.slice/cron.service");
    EXPECT_EQ(group_in("9:name=systemd:/system.slice/cron.service\n4:memory:/x.service\n0::/\n"), "/system.slice/cron.service");
    EXPECT_EQ(group_in("0::/\n9:name=systemd:/system.slice/cron.service"), "/system.slice/cron.service");
    EXPECT_EQ(group_in("4:memory:/x.service\n"), "");
    EXPECT_EQ(group_in(""), "");
    EXPECT_EQ(group_of(::getpid()).value_or("none"), group_in(sdk::os::read_file("/proc/self/cgroup").value_or("")));
}

TEST(ControlGroup, ItsNameIsNotTakenForAnother)
{
    constexpr const char* forged = "/system.slice/a.service/b:name=systemd:/user.slice/user-1000.slice/c";
    EXPECT_EQ(group_in("0::" + std::string(forged) + "\n"), forged);
    EXPECT_EQ(group_in("1:name=systemd:" + std::string(forged) + "\n"), forged);
    EXPECT_EQ(group_in("4:memory:" + std::string(forged) + "\n0::/x.service\n"), "/x.service");
    EXPECT_EQ(group_in("4:memory:/0::/b\n10::/b\n3:name=systemd-not:/b\n0:name=systemd\n0\n:\n"), "");
}

TEST(ControlGroup, AServiceEndsWhatItStarted)
{
    EXPECT_EQ(service_in("/system.slice/ci-runner.service"), "ci-runner.service");
    EXPECT_EQ(service_in("/system.slice/ci-runner.service/jobs/7"), "ci-runner.service");
    EXPECT_EQ(service_in("/user.slice/user-1000.slice/user@1000.service/app.slice/build.service"), "build.service");
}

TEST(ControlGroup, SessionsScopesAndContainersDoNot)
{
    for (const char* group : {"", "/", "/user.slice/user-1000.slice/session-2.scope",
                              "/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope"})
        EXPECT_FALSE(service_in(group)) << group;
}

TEST(ControlGroup, AUsersManagerHasMadeWhatIsBelowIt)
{
    EXPECT_TRUE(is_of_users_manager("/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope", 1000));
    for (const char* group :
         {"", "/", "/user.slice/user-1000.slice/session-2.scope", "/system.slice/ci-runner.service",
          "/user.slice/user-1000.slice/user@1000.service", "/user.slice/user-100.slice/user@100.service/app.slice/run-r1.scope"})
        EXPECT_FALSE(is_of_users_manager(group, 1000)) << group;
}

TEST(ControlGroup, AUsersSessionIsBelowHisSliceAndNotHisManagers)
{
    EXPECT_TRUE(is_of_users_session("/user.slice/user-1000.slice/session-2.scope", 1000));
    for (const char* group :
         {"", "/", "/user.slice/user-1000.slice", "/user.slice/user-100.slice/session-2.scope", "/system.slice/ci-runner.service",
          "/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope"})
        EXPECT_FALSE(is_of_users_session(group, 1000)) << group;
}

}  // namespace
}  // namespace banger::base
