// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/agents.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <future>
#include <vector>

#include "serving_agent.hpp"

namespace banger::lifecycle {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Channels of which the first have nobody at their other end, as a serial port whose host's side changed hands.
class AgentsTest : public guest::ServingAgent {
protected:
    Agents::OpenChannel deaf_first(std::size_t deaf)
    {
        return [this, deaf](sdk::Call&) -> sdk::Result<sdk::os::UniqueFd> {
            const std::lock_guard lock(mutex_);
            opened_.push_back(Clock::now());
            if (opened_.size() > deaf)
                return dial();
            std::array<int, 2> ends{};
            if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
                return sdk::os_error("make a socket pair");
            deaf_.emplace_back(ends[1]);
            return sdk::os::UniqueFd(ends[0]);
        };
    }
    sdk::Result<std::shared_ptr<guest::AgentClient>> connect(const Agents::OpenChannel& open,
                                                             std::chrono::milliseconds patience)
    {
        Operation operation("test", nullptr);
        std::string token;
        for (std::size_t i = 0; i < token_.size(); ++i)
            token += "74";
        return agents_.connect("vm", token, open, patience, operation);
    }

    Agents agents_{loop_, 50ms};
    std::mutex mutex_;
    std::vector<Clock::time_point> opened_;
    std::vector<sdk::os::UniqueFd> deaf_;
};

TEST_F(AgentsTest, AGreetingThatIsNotAnsweredIsSaidAnewAndTwiceAsLongIsWaited)
{
    const auto agent = connect(deaf_first(3), 60s);
    ASSERT_TRUE(agent) << agent.error().message;
    ASSERT_EQ(opened_.size(), 4U);
    EXPECT_GE(opened_[1] - opened_[0], 50ms);
    EXPECT_GE(opened_[2] - opened_[1], 100ms);
    EXPECT_GE(opened_[3] - opened_[2], 200ms);
    EXPECT_EQ(agents_.connected("vm"), *agent);
}

TEST_F(AgentsTest, NoLongerIsWaitedThanTheCallerHasPatience)
{
    const auto agent = connect(deaf_first(100), 120ms);
    ASSERT_FALSE(agent);
    EXPECT_EQ(agent.error().code, sdk::Code::timed_out);
    EXPECT_LE(opened_.size(), 2U);
    EXPECT_FALSE(agents_.connected("vm"));
}

TEST_F(AgentsTest, ASessionThatDoesNotAnswerIsDropped)
{
    const auto agent = connect(deaf_first(0), 60s);
    ASSERT_TRUE(agent) << agent.error().message;
    agents_.drop_if_mute("vm", patience());
    EXPECT_EQ(agents_.connected("vm"), *agent);
    ASSERT_EQ(::kill(agent_pid(), SIGSTOP), 0);
    agents_.drop_if_mute("vm", guest::Patience::of(50ms));
    EXPECT_EQ(agents_.connected("vm"), nullptr);
    EXPECT_EQ(::kill(agent_pid(), SIGCONT), 0);
}

TEST_F(AgentsTest, WhoComesMeanwhileGetsTheSameConnection)
{
    auto other = std::async(std::launch::async, [this] { return connect(deaf_first(1), 60s); });
    const auto one = connect(deaf_first(1), 60s);
    const auto second = other.get();
    ASSERT_TRUE(one && second);
    EXPECT_EQ(*one, *second);
}

}  // namespace
}  // namespace banger::lifecycle
