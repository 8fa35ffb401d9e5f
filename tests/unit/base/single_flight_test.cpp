// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/single_flight.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <stdexcept>
#include <string>
#include <vector>

#include "banger/sdk/testing/fake_host.hpp"

namespace banger::base {
namespace {

using Flights = SingleFlight<std::string>;

// Work that waits until the test lets it end, or its call is cancelled.
struct Held {
    std::atomic<int> runs = 0;
    std::atomic<bool> rolled_back = false;
    Event let_go = std::move(*Event::make());
    std::latch started{1};

    Flights::Work work()
    {
        return [this](sdk::Call& call) -> sdk::Result<std::string> {
            ++runs;
            call.progress({"working", 1, 2, ""});
            started.count_down();
            if (wait(let_go, &call) == Woken::event)
                return std::string("made");
            rolled_back = true;
            return sdk::make_error(sdk::Code::cancelled, "work cancelled");
        };
    }
};

TEST(SingleFlight, ManyCallersShareOneRun)
{
    Flights flights;
    Held held;
    std::vector<std::future<std::string>> callers;
    constexpr std::size_t count = 10;
    for (std::size_t i = 0; i < count; ++i)
        callers.push_back(std::async(std::launch::async, [&] {
            CallContext call;
            auto result = flights.run("image", call, held.work());
            return result ? *result : result.error().message;
        }));
    while (flights.waiting("image") < count)
        std::this_thread::yield();
    held.let_go.set();
    for (auto& caller : callers)
        EXPECT_EQ(caller.get(), "made");
    EXPECT_EQ(held.runs, 1);
    EXPECT_EQ(flights.waiting("image"), 0U);
}

TEST(SingleFlight, EveryCallerIsWarnedWheneverItJoined)
{
    Flights flights;
    Held held;
    const auto work = [&](sdk::Call& call) {
        call.warn("half of it is missing");
        return held.work()(call);
    };
    const auto warned = [&] {
        std::vector<std::string> warnings;
        CallContext call;
        call.on_warning([&](const std::string& message) { warnings.push_back(message); });
        EXPECT_TRUE(flights.run("k", call, work));
        return warnings;
    };
    auto first = std::async(std::launch::async, warned);
    held.started.wait();
    auto second = std::async(std::launch::async, warned);
    while (flights.waiting("k") < 2)
        std::this_thread::yield();
    held.let_go.set();
    EXPECT_EQ(first.get(), std::vector<std::string>{"half of it is missing"});
    EXPECT_EQ(second.get(), std::vector<std::string>{"half of it is missing"});
    EXPECT_EQ(held.runs, 1);
}

TEST(SingleFlight, WhoBeganItHearsTheFirstWord)
{
    Flights flights;
    for (int again = 0; again < 1000; ++again) {
        sdk::testing::FakeCall call;
        ASSERT_TRUE(flights.run("image", call, [](sdk::Call& work) {
            work.progress({"first", 1, 2, ""});
            work.progress({"second", 2, 2, ""});
            return sdk::Result<std::string>("made");
        }));
        const auto told = call.told();
        ASSERT_EQ(told.size(), 2U) << "in run " << again;
        EXPECT_EQ(told[0].stage, "first");
    }
}

TEST(SingleFlight, TheWorkGoesOnWhenTheFirstCallerLeaves)
{
    Flights flights;
    Held held;
    CallContext first_call;
    auto first = std::async(std::launch::async, [&] { return flights.run("k", first_call, held.work()).error().code; });
    held.started.wait();
    std::promise<std::string> stage;
    auto second = std::async(std::launch::async, [&] {
        CallContext call([&](const sdk::Progress& step) { stage.set_value(step.stage); });
        return *flights.run("k", call, held.work());
    });
    EXPECT_EQ(stage.get_future().get(), "working") << "who joins is told where the work is";
    first_call.cancel();
    EXPECT_EQ(first.get(), sdk::Code::cancelled);
    held.let_go.set();
    EXPECT_EQ(second.get(), "made");
    EXPECT_EQ(held.runs, 1);
    EXPECT_FALSE(held.rolled_back);
}

TEST(SingleFlight, TheLastCallerToLeaveCancelsAndWaitsForTheRollBack)
{
    Flights flights;
    Held held;
    CallContext call;
    auto only = std::async(std::launch::async, [&] {
        const auto code = flights.run("k", call, held.work()).error().code;
        EXPECT_TRUE(held.rolled_back);
        return code;
    });
    held.started.wait();
    call.cancel();
    EXPECT_EQ(only.get(), sdk::Code::cancelled);
    CallContext again;
    Held fresh;
    fresh.let_go.set();
    EXPECT_EQ(*flights.run("k", again, fresh.work()), "made") << "the next caller starts anew";
}

TEST(SingleFlight, KeysAreApartAndErrorsAreShared)
{
    Flights flights;
    CallContext call;
    const auto failing = [](sdk::Call&) -> sdk::Result<std::string> {
        return sdk::make_error(sdk::Code::unavailable, "no mirror");
    };
    EXPECT_EQ(flights.run("a", call, failing).error().message, "no mirror");
    EXPECT_EQ(*flights.run("b", call, [](sdk::Call&) -> sdk::Result<std::string> { return std::string("b"); }), "b");
}

TEST(SingleFlight, WorkThatThrowsIsAnError)
{
    Flights flights;
    CallContext call;
    const auto result =
        flights.run("a", call, [](sdk::Call&) -> sdk::Result<std::string> { throw std::runtime_error("oh"); });
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, sdk::Code::internal);
}

TEST(SingleFlight, ACancelledCallerStartsNothing)
{
    Flights flights;
    Held held;
    CallContext call;
    call.cancel();
    EXPECT_EQ(flights.run("k", call, held.work()).error().code, sdk::Code::cancelled);
    EXPECT_EQ(held.runs, 0);
}

}  // namespace
}  // namespace banger::base
