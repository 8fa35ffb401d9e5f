// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/doctor/control_group.hpp"

#include <gtest/gtest.h>

namespace banger::doctor {
namespace {

TEST(ControlGroup, AServiceEndsWhatItStarted)
{
    EXPECT_EQ(service_in("0::/system.slice/ci-runner.service\n"), "ci-runner.service");
    EXPECT_EQ(service_in("0::/system.slice/ci-runner.service/jobs/7\n"), "ci-runner.service");
    EXPECT_EQ(service_in("0::/user.slice/user-1000.slice/user@1000.service/app.slice/build.service\n"), "build.service");
    EXPECT_EQ(service_in("9:name=systemd:/system.slice/cron.service\n4:memory:/x.service\n0::/\n"), "cron.service");
}

TEST(ControlGroup, SessionsScopesAndContainersDoNot)
{
    for (const char* text : {"", "0::/\n", "0::/user.slice/user-1000.slice/session-2.scope\n", "4:memory:/x.service\n0::/\n",
                             "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope\n"})
        EXPECT_FALSE(service_in(text)) << text;
}

}  // namespace
}  // namespace banger::doctor
