// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/wanted_ports.hpp"

#include <gtest/gtest.h>

namespace banger::forward {
namespace {

using namespace std::chrono_literals;

TEST(WantedPorts, AnAgentThatIsFoundAndSaysNothingIsAskedEverMoreSlowly)
{
    WantedPorts wanted({});
    auto turn = wanted.want("vm", "127.86.0.1");
    std::chrono::milliseconds before{0};
    for (int i = 0; i < 20; ++i) {
        wanted.found("vm", turn, [](const std::string&) {});
        const auto later = wanted.lost("vm");
        ASSERT_TRUE(later);
        EXPECT_TRUE(later->pause > before || later->pause == 15s);
        before = later->pause;
        turn = later->turn;
    }
    EXPECT_EQ(before, 15s);
    wanted.heard("vm");
    EXPECT_EQ(wanted.lost("vm")->pause, 250ms);
}

TEST(WantedPorts, ATimerOfAnEarlierStartPublishesNothing)
{
    WantedPorts wanted({});
    const auto first = wanted.want("vm", "127.86.0.1");
    const auto timer = wanted.failed("vm", first);
    ASSERT_TRUE(timer);
    wanted.forget("vm");
    EXPECT_FALSE(wanted.counts("vm", timer->turn));
    const auto second = wanted.want("vm", "127.86.0.2");
    EXPECT_FALSE(wanted.counts("vm", timer->turn));
    std::string published;
    const auto publish = [&](const std::string& address) { published = address; };
    wanted.found("vm", timer->turn, publish);
    EXPECT_EQ(published, "");
    wanted.found("vm", second, publish);
    EXPECT_EQ(published, "127.86.0.2");
    // A try that counted until then, or its timer, adds nothing.
    EXPECT_FALSE(wanted.counts("vm", second));
    EXPECT_FALSE(wanted.failed("vm", second));
}

TEST(WantedPorts, OfTwoTimersOnlyTheLaterCounts)
{
    WantedPorts wanted({});
    const auto turn = wanted.want("vm", "127.86.0.1");
    const auto one = wanted.failed("vm", turn);
    const auto other = wanted.lost("vm");
    ASSERT_TRUE(one && other);
    EXPECT_FALSE(wanted.counts("vm", one->turn));
    EXPECT_TRUE(wanted.counts("vm", other->turn));
    EXPECT_FALSE(wanted.lost("another"));
}

TEST(WantedPorts, ATryThatWasPutOffIsMadeAtOnceWhenTheAgentAnswersSomebody)
{
    WantedPorts wanted({});
    auto turn = wanted.want("vm", "127.86.0.1");
    EXPECT_TRUE(wanted.begin("vm", turn));
    EXPECT_FALSE(wanted.hasten("vm")) << "one is under way";
    for (int i = 0; i < 20; ++i)
        turn = wanted.failed("vm", turn)->turn;
    const auto now = wanted.hasten("vm");
    ASSERT_TRUE(now);
    EXPECT_FALSE(wanted.hasten("vm"));
    EXPECT_FALSE(wanted.begin("vm", turn)) << "its timer";
    EXPECT_TRUE(wanted.begin("vm", *now));
    EXPECT_EQ(wanted.failed("vm", *now)->pause, 250ms);
    EXPECT_FALSE(wanted.hasten("another"));
    wanted.forget("vm");
    EXPECT_FALSE(wanted.hasten("vm"));
}

}  // namespace
}  // namespace banger::forward
