// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/guest_ports.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>

#include "banger/sdk/os/socket.hpp"

namespace banger::forward {
namespace {

constexpr std::uint16_t first_port = 23600;
constexpr std::uint16_t moved_by = 10000;
constexpr std::chrono::milliseconds no_rest{0};

/// What an agent could say, without one; the loop is turned by hand.
class GuestPortsTest : public ::testing::Test {
protected:
    ~GuestPortsTest() override
    {
        if (ports_)
            ports_->close();
    }

    void begin(GuestPorts::Limits limits)
    {
        GuestPorts::Events events;
        events.changed = [this](const GuestPorts::Ports& all) {
            told_ = all;
            ++times_told_;
        };
        ports_ = std::make_shared<GuestPorts>(loop_, address_, std::weak_ptr<guest::AgentClient>(),
                                              std::make_shared<Places>(1), events, limits);
    }
    static std::vector<agent::Listener> listeners(std::uint16_t first, std::uint16_t count)
    {
        std::vector<agent::Listener> all;
        for (std::uint16_t i = 0; i < count; ++i)
            all.push_back({"0.0.0.0", static_cast<std::uint16_t>(first + i), 0, {}});
        return all;
    }
    void appear(std::vector<agent::Listener> which)
    {
        ports_->take({std::move(which), {}, false});
        turn();
    }
    void go(std::vector<agent::Listener> which)
    {
        ports_->take({{}, std::move(which), false});
        turn();
    }
    void turn()
    {
        loop_.restart();
        loop_.poll();
    }

    /// Of this process alone: others of these tests run at the same time.
    const std::string address_ = "127.88." + std::to_string(::getpid() / 250 % 250 + 1) + "." + std::to_string(::getpid() % 250 + 1);
    boost::asio::io_context loop_;
    std::shared_ptr<GuestPorts> ports_;
    GuestPorts::Ports told_;
    int times_told_ = 0;
};

TEST_F(GuestPortsTest, BeyondTheLimitAPortHasAProblemUntilThereIsRoom)
{
    begin({3, 16, 64, no_rest});
    appear(listeners(first_port, 5));
    ASSERT_EQ(told_.size(), 5U);
    for (std::uint16_t i = 0; i < 3; ++i)
        EXPECT_EQ(told_.at(first_port + i).host_port, first_port + i);
    for (std::uint16_t i = 3; i < 5; ++i) {
        EXPECT_EQ(told_.at(first_port + i).host_port, 0);
        EXPECT_NE(told_.at(first_port + i).problem.find("more than 3"), std::string::npos);
        EXPECT_TRUE(sdk::os::listen_tcp(address_, first_port + i)) << "nobody listens there";
    }
    go(listeners(first_port, 1));
    EXPECT_EQ(told_.at(first_port + 3).host_port, first_port + 3);
    EXPECT_EQ(told_.at(first_port + 4).host_port, 0);
}

TEST_F(GuestPortsTest, OfAPortOnlySoManyAddressesAreKnown)
{
    begin({8, 2, 64, no_rest});
    std::vector<agent::Listener> many;
    for (int i = 1; i <= 200; ++i)
        many.push_back({"10.0.0." + std::to_string(i), first_port, 0, {}});
    appear(many);
    ASSERT_EQ(told_.size(), 1U);
    many.resize(2);
    go(many);
    EXPECT_TRUE(told_.empty());
}

TEST_F(GuestPortsTest, OfManyPortsNoneIsTakenForGoneWhileAnAddressOfItStays)
{
    begin({2, 16, 64, no_rest});
    auto first = listeners(first_port, 4);
    first.push_back({"::", first_port, 0, {}});
    appear(first);
    ASSERT_EQ(told_.at(first_port).host_port, first_port);
    go(listeners(first_port, 1));
    EXPECT_TRUE(told_.contains(first_port)) << "of which two addresses were said before it was open";
    // Somebody in the guest has so many that no more are remembered.
    std::vector<agent::Listener> many;
    for (int i = 1; i <= 40; ++i)
        many.push_back({"10.0.0." + std::to_string(i), static_cast<std::uint16_t>(first_port + 10 + i % 3), 0, {}});
    appear(many);
    appear({{"::", first_port + 1, 0, {}}});
    go(listeners(first_port + 1, 1));
    EXPECT_TRUE(told_.contains(first_port + 1)) << "of which one address was said while it was open";
}

TEST_F(GuestPortsTest, ManyPortsAreOpenedOverManyTurnsOfTheLoop)
{
    begin({1024, 16, 8, no_rest});
    ports_->take({listeners(first_port, 20), {}, false});
    EXPECT_TRUE(told_.empty());
    EXPECT_TRUE(sdk::os::listen_tcp(address_, first_port + 8)) << "it is not its turn";
    EXPECT_FALSE(sdk::os::listen_tcp(address_, first_port + 7));
    // What comes between is not lost.
    ports_->take({listeners(first_port - 1, 1), {}, false});
    turn();
    ASSERT_EQ(told_.size(), 21U);
    for (const auto& [number, port] : told_)
        EXPECT_EQ(port.host_port, number);
}

TEST_F(GuestPortsTest, OfTenThousandListenersTheFirstArePublishedAndTheRestSaysWhyNot)
{
    GuestPorts::Limits limits;
    begin(limits);
    constexpr std::uint16_t many = 10000;
    constexpr std::uint16_t in_a_change = 300;
    for (std::uint16_t i = 0; i < many; i += in_a_change)
        ports_->take({listeners(first_port + i, std::min<std::uint16_t>(in_a_change, many - i)), {},
                      i + in_a_change < many});
    turn();
    ASSERT_EQ(told_.size(), many);
    EXPECT_EQ(std::count_if(told_.begin(), told_.end(), [](const auto& port) { return port.second.host_port != 0; }),
              static_cast<std::ptrdiff_t>(limits.ports));
    for (const auto& [number, port] : told_)
        EXPECT_NE(port.host_port == 0, port.problem.empty()) << number;
}

TEST_F(GuestPortsTest, AGuestThatNeverStopsToChangeIsLookedAtNowAndThen)
{
    GuestPorts::Limits limits;
    limits.rest = std::chrono::hours(1);
    begin(limits);
    for (int i = 0; i < 1000; ++i) {
        appear(listeners(first_port, 1));
        go(listeners(first_port, 1));
    }
    EXPECT_EQ(times_told_, 1);
}

TEST_F(GuestPortsTest, APortIsNotMovedToANumberOfTheGuests)
{
    const auto in_the_way = sdk::os::listen_tcp(address_, first_port);
    ASSERT_TRUE(in_the_way);
    begin({1024, 16, 64, no_rest});
    auto both = listeners(first_port, 1);
    both.push_back({"0.0.0.0", first_port + moved_by, 0, {}});
    appear(both);
    EXPECT_EQ(told_.at(first_port).host_port, 0);
    EXPECT_FALSE(told_.at(first_port).problem.empty());
    EXPECT_EQ(told_.at(first_port + moved_by).host_port, first_port + moved_by);
    EXPECT_EQ(told_.at(first_port + moved_by).problem, "");
}

TEST_F(GuestPortsTest, AMovedPortLeavesItsNumberToTheGuestsOwn)
{
    const auto in_the_way = sdk::os::listen_tcp(address_, first_port);
    ASSERT_TRUE(in_the_way);
    begin({1024, 16, 64, no_rest});
    appear(listeners(first_port, 1));
    ASSERT_EQ(told_.at(first_port).host_port, first_port + moved_by);
    appear(listeners(first_port + moved_by, 1));
    EXPECT_EQ(told_.at(first_port).host_port, 0);
    EXPECT_EQ(told_.at(first_port + moved_by).host_port, first_port + moved_by);
    EXPECT_EQ(told_.at(first_port + moved_by).problem, "");
    go(listeners(first_port + moved_by, 1));
    EXPECT_EQ(told_.at(first_port).host_port, first_port + moved_by);
}

}  // namespace
}  // namespace banger::forward
