// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "rules.hpp"

#include <gmock/gmock.h>

#include "forwarding_chains.hpp"

namespace banger::tap {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const rules::Network network{"0a1b2c3d", "br-banger", {0xac100000, 24}, {0xc0a80101}, false};
const rules::Guest guest{"b0a1b2c3d-0", "52:54:00:01:02:03", 0xac100002, sdk::Egress::internet};

TEST(TapRules, TheInternetIsWhatIsInNoClosedRange)
{
    const auto text = rules::of_network(network);
    for (const char* closed : {"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "168.63.129.16"})
        EXPECT_THAT(text, HasSubstr(closed));
    EXPECT_THAT(text, HasSubstr("resolvers { 192.168.1.1 }")) << "but a resolver may be there";
}

TEST(TapRules, GuestsReachOneAnotherOnlyIfAsked)
{
    EXPECT_THAT(rules::of_network(network), HasSubstr("iifname \"br-banger\" oifname \"br-banger\" drop"));
    auto open = network;
    open.guests_reach_each_other = true;
    EXPECT_THAT(rules::of_network(open), HasSubstr("iifname \"br-banger\" oifname \"br-banger\" accept"));
}

TEST(TapRules, AGuestIsAdmittedByItsPolicy)
{
    EXPECT_THAT(text_of(rules::to_admit("0a1b2c3d", guest)), HasSubstr("to_internet { 172.16.0.2 }"));
    auto all = guest;
    all.egress = sdk::Egress::all;
    EXPECT_THAT(text_of(rules::to_admit("0a1b2c3d", all)), HasSubstr("to_all { 172.16.0.2 }"));
    EXPECT_THAT(text_of(rules::to_admit("0a1b2c3d", all)), HasSubstr("delete element inet banger_0a1b2c3d to_internet { 172.16.0.2 }"));
}

TEST(TapRules, ATapLetsNobodyThroughUntilAGuestIsAdmitted)
{
    const auto text = rules::of_tap("0a1b2c3d", guest.tap);
    EXPECT_THAT(text, HasSubstr("policy drop"));
    EXPECT_THAT(text, Not(HasSubstr("add element")));
    EXPECT_THAT(text_of(rules::to_admit("0a1b2c3d", guest)), Not(HasSubstr("chain")));
}

// What is to be taken away is added first, or taking it away a second time would be an error.
TEST(TapRules, WhatIsForgottenMayBeForgottenAgain)
{
    const auto text = rules::to_forget("0a1b2c3d", guest.tap, guest.address);
    for (const char* thing : {"element inet banger_0a1b2c3d to_internet { 172.16.0.2 }",
                              "element inet banger_0a1b2c3d to_all { 172.16.0.2 }",
                              "chain netdev banger_0a1b2c3d from_b0a1b2c3d-0", "chain netdev banger_0a1b2c3d to_b0a1b2c3d-0",
                              "set netdev banger_0a1b2c3d macs_b0a1b2c3d-0", "set netdev banger_0a1b2c3d addresses_b0a1b2c3d-0"}) {
        const auto added = text.find(std::string("add ") + thing);
        const auto deleted = text.find(std::string("delete ") + thing);
        EXPECT_NE(added, std::string::npos) << thing;
        EXPECT_NE(deleted, std::string::npos) << thing;
        EXPECT_LT(added, deleted) << thing;
    }
}

TEST(TapFirewall, AChainThatDropsWhatTheHostForwardsIsFound)
{
    const std::string ours = "table inet banger_0a1b2c3d {\n\tchain forward {\n\t\ttype filter hook forward priority filter; "
                             "policy accept;\n\t}\n}\n";
    const std::string dockers = "table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy drop;\n"
                                "\t}\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}\n";
    EXPECT_EQ(chain_that_drops(ours + dockers), "ip filter FORWARD");
    EXPECT_FALSE(chain_that_drops(ours));
    EXPECT_FALSE(chain_that_drops(""));
}

// As nft prints what firewalld 1.3 makes of its default zone, and what people write.
TEST(TapFirewall, AChainThatEndsWithARefusalOfEverythingDropsAsWell)
{
    const auto ending_with = [](const std::string& last) {
        return "table inet firewalld {\n\tchain filter_PREROUTING {\n\t\ttype filter hook prerouting priority filter + 10; policy "
               "accept;\n\t\ticmpv6 type { nd-router-advert, nd-neighbor-solicit } accept\n\t}\n"
               "\tchain filter_INPUT {\n\t\ttype filter hook input priority filter + 10; policy accept;\n"
               "\t\treject with icmpx admin-prohibited\n\t}\n"
               "\tchain filter_FORWARD {\n\t\ttype filter hook forward priority filter + 10; policy accept;\n"
               "\t\tct state { established, related } accept\n\t\tct status dnat accept\n\t\tiifname \"lo\" accept\n"
               "\t\tct state invalid drop\n\t\tip6 daddr { ::/96, ::ffff:0.0.0.0/96 } reject with icmpv6 addr-unreachable\n"
               "\t\tjump filter_FORWARD_ZONES\n" +
               last + "\t}\n\tchain filter_OUTPUT {\n\t\ttype filter hook output priority filter + 10; policy accept;\n\t}\n"
               "\tchain filter_FORWARD_ZONES {\n\t\tdrop\n\t}\n}\n";
    };
    for (const char* refusal : {"reject with icmpx admin-prohibited", "reject with icmpx type admin-prohibited", "drop", "counter drop",
                                "counter packets 3 bytes 180 reject", "log prefix \"no: accept \" level info drop",
                                "drop comment \"the rest\""})
        EXPECT_EQ(chain_that_drops(ending_with("\t\t" + std::string(refusal) + "\n")), "inet firewalld filter_FORWARD") << refusal;
    for (const char* other : {"", "\t\tiifname \"eth0\" drop\n", "\t\tlog prefix \"drop \"\n", "\t\tmeta mark 0x1 counter drop\n"})
        EXPECT_FALSE(chain_that_drops(ending_with(other))) << other;
}

TEST(TapFirewall, TablesOfBangersOwnDropWhatIsTheirs)
{
    EXPECT_FALSE(chain_that_drops("table inet banger_0a1b2c3d {\n\tchain forward {\n\t\ttype filter hook forward priority filter; "
                                  "policy accept;\n\t\tdrop\n\t}\n}\n"));
}

}  // namespace
}  // namespace banger::tap
