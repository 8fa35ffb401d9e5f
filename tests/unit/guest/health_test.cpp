// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/health.hpp"

#include <ctime>

#include "guest/protocol/json.hpp"
#include "serving_agent.hpp"

namespace banger::guest {
namespace {

constexpr const char* proc_net_dev =
    R"(Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    1580      18    0    0    0     0          0         0     1580      18    0    0    0     0       0          0
  eth0: 18446744073709551615 1234567    1    2    3     4          5         6 987654321    4321    0    0    0     0       0          0
veth1:12 1 0 0 0 0 0 0 34 2 0 0 0 0 0 0
 torn: 1 2 3
)";

TEST(Interfaces, AreReadFromProcWithoutTheLoopback)
{
    const auto all = agent::interfaces_in(proc_net_dev);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].name, "eth0");
    EXPECT_EQ(all[0].rx_bytes, 18446744073709551615U);
    EXPECT_EQ(all[0].rx_packets, 1234567U);
    EXPECT_EQ(all[0].tx_bytes, 987654321U);
    EXPECT_EQ(all[0].tx_packets, 4321U);
    EXPECT_EQ(all[1].name, "veth1");
    EXPECT_EQ(all[1].tx_packets, 2U);
    EXPECT_TRUE(agent::interfaces_in("").empty());
    EXPECT_TRUE(agent::interfaces_in("::\n:\n").empty());
}

using Health = ServingAgent;

TEST_F(Health, SaysHowTheMachineIs)
{
    const auto client = connect();
    const auto answer = client->health(patience());
    ASSERT_TRUE(answer) << answer.error().message;
    const auto document = agent::parse_object(*answer, "health");
    ASSERT_TRUE(document);
    agent::Fields fields(*document, "health");
    const auto now = std::time(nullptr);
    EXPECT_LE(std::abs(fields.number("clock_ns") / 1'000'000'000 - now), 5);
    EXPECT_GT(fields.number("uptime_ms"), 0);
    EXPECT_EQ(fields.text("init"), "host");
    EXPECT_EQ(fields.text("init_state"), "") << "nobody asked";
    ASSERT_NE(fields.array("network"), nullptr);
    ASSERT_NE(fields.array("disks"), nullptr);
    EXPECT_GE(fields.array("disks")->Size(), 1U);
    EXPECT_TRUE(fields.verdict());
}

TEST_F(Health, AsksTheInitIfItIsToAndRefusesNonsense)
{
    const auto client = connect();
    const auto answer = client->health(patience(), true);
    ASSERT_TRUE(answer) << answer.error().message;
    const auto document = agent::parse_object(*answer, "health");
    ASSERT_TRUE(document);
    EXPECT_EQ(agent::Fields(*document, "health").text("init_state"), "running");
}

}  // namespace
}  // namespace banger::guest
