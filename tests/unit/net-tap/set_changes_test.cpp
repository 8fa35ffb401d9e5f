// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "set_changes.hpp"

#include <gtest/gtest.h>

#include "firewall.hpp"
#include "rules.hpp"
#include "tests/unit/forward/own_network.hpp"

namespace banger::tap {
namespace {

const std::string instance = "0a1b2c3d";
const std::string table = "banger_" + instance;
const rules::Guest admitted{"b0a1b2c3d-0", "52:54:00:01:02:03", 0xac100002, sdk::Egress::internet};

class SetChanges : public ::testing::Test {
protected:
    void SetUp() override
    {
        if (!forward::has_own_network())
            GTEST_SKIP() << "no network namespace can be made here";
        run(rules::to_remove(instance));
        run("add table inet " + table + "\nadd table netdev " + table);
        for (const char* set : {"to_internet", "to_all"})
            run("add set inet " + table + " " + set + " { type ipv4_addr; }");
        run("add set netdev " + table + " macs_" + admitted.tap + " { type ether_addr; }");
        run("add set netdev " + table + " addresses_" + admitted.tap + " { type ipv4_addr; }");
    }
    void run(const std::string& commands)
    {
        const auto done = nft.run(commands);
        ASSERT_TRUE(done) << done.error().message;
    }
    bool has(const std::string& set, const std::string& element)
    {
        return nft.run("get element " + set + " { " + element + " }").has_value();
    }
    bool admits_guest()
    {
        return has("inet " + table + " to_internet", "172.16.0.2") && has("netdev " + table + " macs_" + admitted.tap, admitted.mac) &&
               has("netdev " + table + " addresses_" + admitted.tap, "172.16.0.2");
    }

    Nft nft;
    SetSocket sets;
};

TEST_F(SetChanges, MeanTheSameToTheKernelAndToNft)
{
    run(text_of(rules::to_admit(instance, admitted)));
    EXPECT_TRUE(admits_guest());
    run("flush set inet " + table + " to_internet\nflush set netdev " + table + " macs_" + admitted.tap + "\nflush set netdev " + table +
        " addresses_" + admitted.tap);
    ASSERT_FALSE(has("inet " + table + " to_internet", "172.16.0.2"));
    for (int time = 0; time < 2; ++time) {
        const auto done = sets.run(rules::to_admit(instance, admitted));
        ASSERT_TRUE(done) << done.error().message;
        EXPECT_TRUE(admits_guest());
    }
}

TEST_F(SetChanges, LeaveNothingOfWhoWasThereBefore)
{
    run("add element inet " + table + " to_all { 172.16.0.2, 172.16.0.9 }");
    run("add element netdev " + table + " macs_" + admitted.tap + " { 52:54:00:00:00:09 }");
    run("add element netdev " + table + " addresses_" + admitted.tap + " { 172.16.0.9 }");
    ASSERT_TRUE(sets.run(rules::to_admit(instance, admitted)));
    EXPECT_TRUE(admits_guest());
    EXPECT_FALSE(has("inet " + table + " to_all", "172.16.0.2"));
    EXPECT_TRUE(has("inet " + table + " to_all", "172.16.0.9")) << "which is another guest's";
    EXPECT_FALSE(has("netdev " + table + " macs_" + admitted.tap, "52:54:00:00:00:09"));
    EXPECT_FALSE(has("netdev " + table + " addresses_" + admitted.tap, "172.16.0.9"));
}

TEST_F(SetChanges, AreAllDoneOrNone)
{
    run("delete set netdev " + table + " macs_" + admitted.tap);
    const auto refused = sets.run(rules::to_admit(instance, admitted));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, sdk::Code::unsupported);
    EXPECT_FALSE(has("inet " + table + " to_internet", "172.16.0.2"));
    run("add set netdev " + table + " macs_" + admitted.tap + " { type ether_addr; }");
    EXPECT_TRUE(sets.run(rules::to_admit(instance, admitted)));
    EXPECT_TRUE(admits_guest());
}

}  // namespace
}  // namespace banger::tap
