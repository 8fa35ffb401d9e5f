// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "subnet.hpp"

#include <gtest/gtest.h>

namespace banger::tap {
namespace {

TEST(TapSubnet, HasAHostAndGuests)
{
    const auto subnet = Subnet::parse("172.16.0.0/24");
    ASSERT_TRUE(subnet);
    EXPECT_EQ(subnet->text(), "172.16.0.0/24");
    EXPECT_EQ(to_string(subnet->gateway()), "172.16.0.1");
    EXPECT_EQ(to_string(subnet->first_guest()), "172.16.0.2");
    EXPECT_EQ(subnet->guests(), 253U);
    EXPECT_EQ(Subnet::parse("10.0.0.0/30")->guests(), 1U);
}

TEST(TapSubnet, OverlapsIsSeenFromBothSides)
{
    const auto of = [](const char* text) { return *Subnet::parse(text); };
    EXPECT_TRUE(of("172.16.0.0/12").overlaps(of("172.20.3.0/24")));
    EXPECT_TRUE(of("172.20.3.0/24").overlaps(of("172.16.0.0/12")));
    EXPECT_TRUE(of("10.0.0.0/24").overlaps(of("10.0.0.0/24")));
    EXPECT_FALSE(of("10.0.0.0/24").overlaps(of("10.0.1.0/24")));
}

TEST(TapSubnet, WhatIsNoneIsRefusedWithAReason)
{
    for (const char* text : {"", "172.16.0.0", "172.16.0.0/", "172.16.0.0/x", "172.16.0.0/24x", "172.16.0/24", "172.16.0.0/31",
                             "172.16.0.0/0", "172.16.0.7/24", "8.8.8.0/24", "172.0.0.0/8", "fd00::/64", "10.0.0.0/-1"}) {
        const auto subnet = Subnet::parse(text);
        ASSERT_FALSE(subnet) << text;
        EXPECT_EQ(subnet.error().code, sdk::Code::invalid);
        EXPECT_FALSE(subnet.error().hint.empty());
    }
}

}  // namespace
}  // namespace banger::tap
