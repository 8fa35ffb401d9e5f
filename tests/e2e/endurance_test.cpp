// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <future>

#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

// A machine that comes up ninety-nine times is a machine that hangs.
TEST(Endurance, AHundredBootsInARowAllComeUp)
{
    const Installation host;
    for (int boot = 1; boot <= 100 / sample_every(); ++boot) {
        const auto run = host.banger({"vm", "run", "--rm", "--ready", "agent", "--", "true"});
        ASSERT_EQ(run.status, 0) << "boot " << boot << ": " << run.err;
    }
    expect_clean(host);
}

TEST(Endurance, TenCallersAskForAKernelThatIsNotThereYetAndAllGetTheSame)
{
    const Installation host;
    ASSERT_EQ(host.banger({"kernel", "delete", "debian-cloud"}).status, 0);
    std::vector<std::future<Called>> callers;
    for (int i = 0; i < 10; ++i)
        callers.push_back(std::async(std::launch::async, [&] {
            return host.banger({"-o", "json", "kernel", "pull", "debian-cloud"});
        }));
    std::string first;
    for (auto& caller : callers) {
        auto called = caller.get();
        EXPECT_EQ(called.status, 0) << called.err;
        if (first.empty())
            first = called.out;
        EXPECT_EQ(called.out, first) << "another caller got another kernel";
    }
}

}  // namespace
}  // namespace banger::e2e
