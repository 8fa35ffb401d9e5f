// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/call_context.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <string>
#include <vector>

namespace banger::base {
namespace {

bool readable(int fd, int patience_ms)
{
    pollfd watch{fd, POLLIN, 0};
    return ::poll(&watch, 1, patience_ms) == 1;
}

constexpr int soon = 10'000;

TEST(CallContext, IsQuietUntilCancelled)
{
    CallContext call;
    EXPECT_FALSE(call.cancelled());
    EXPECT_FALSE(readable(call.cancel_descriptor(), 0));
    call.cancel();
    EXPECT_TRUE(call.cancelled());
    EXPECT_TRUE(readable(call.cancel_descriptor(), soon));
    EXPECT_TRUE(readable(call.cancel_descriptor(), 0)) << "stays readable";
}

TEST(CallContext, FollowsAStopToken)
{
    std::stop_source source;
    const CallContext call(source.get_token(), {});
    EXPECT_FALSE(call.cancelled());
    source.request_stop();
    EXPECT_TRUE(call.cancelled());
    EXPECT_TRUE(readable(call.cancel_descriptor(), soon));
}

TEST(CallContext, IsBornCancelledFromAStoppedToken)
{
    std::stop_source source;
    source.request_stop();
    const CallContext call(source.get_token(), {});
    EXPECT_TRUE(call.cancelled());
    EXPECT_TRUE(readable(call.cancel_descriptor(), soon));
}

TEST(CallContext, ItsDeadlineCancels)
{
    const CallContext call({}, Deadline::clock::now() + std::chrono::milliseconds(20));
    EXPECT_TRUE(readable(call.cancel_descriptor(), soon));
    EXPECT_TRUE(call.cancelled());
}

TEST(CallContext, TellsProgressUntilSilenced)
{
    std::vector<std::string> stages;
    CallContext call([&](const sdk::Progress& step) { stages.push_back(step.stage); });
    call.progress({"one", 0, 0, ""});
    call.silence();
    call.progress({"two", 0, 0, ""});
    EXPECT_EQ(stages, std::vector<std::string>{"one"});
}

TEST(CallContext, TellsWarningsUntilSilenced)
{
    std::vector<std::string> warnings;
    CallContext call;
    call.warn("to nobody");
    call.on_warning([&](const std::string& message) { warnings.push_back(message); });
    call.warn("one");
    call.silence();
    call.warn("two");
    EXPECT_EQ(warnings, std::vector<std::string>{"one"});
}

TEST(Event, WinsOverCancellationAndTime)
{
    auto event = Event::make();
    ASSERT_TRUE(event);
    CallContext call;
    EXPECT_EQ(wait(*event, &call, Deadline::clock::now()), Woken::timed_out);
    call.cancel();
    EXPECT_EQ(wait(*event, &call), Woken::cancelled);
    event->set();
    event->set();
    EXPECT_EQ(wait(*event, &call, Deadline::clock::now()), Woken::event);
}

}  // namespace
}  // namespace banger::base
