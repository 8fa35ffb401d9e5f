// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include "core/forward/guest_ports.hpp"
#include "core/forward/loopback_addresses.hpp"

namespace banger::forward {
namespace {

base::LoopbackRange range(const char* text)
{
    return *base::LoopbackRange::parse(text);
}

TEST(LoopbackAddresses, AVmKeepsItsAddressOverRestarts)
{
    std::string first;
    {
        LoopbackAddresses addresses(range("127.87.0.0/16"), "0123abcd");
        const auto claimed = addresses.claim("aabbccddeeff");
        ASSERT_TRUE(claimed) << claimed.error().message;
        first = *claimed;
        EXPECT_TRUE(first.starts_with("127.87."));
        EXPECT_EQ(*addresses.claim("aabbccddeeff"), first);
        EXPECT_EQ(addresses.address_of("aabbccddeeff"), first);
    }
    LoopbackAddresses addresses(range("127.87.0.0/16"), "0123abcd");
    EXPECT_EQ(addresses.address_of("aabbccddeeff"), std::nullopt);
    EXPECT_EQ(*addresses.claim("aabbccddeeff"), first);
}

TEST(LoopbackAddresses, NoTwoVmsOfAnyInstallationHaveTheSame)
{
    LoopbackAddresses one(range("127.88.0.0/29"), "0123abcd");
    LoopbackAddresses other(range("127.88.0.0/29"), "deadbeef");
    std::set<std::string> all;
    for (const char* vm : {"a", "b", "c"}) {
        all.insert(*one.claim(vm));
        all.insert(*other.claim(vm));
    }
    EXPECT_EQ(all.size(), 6U);
    const auto none = one.claim("d");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, sdk::Code::unavailable);
    other.release("a");
    other.release("a");
    EXPECT_TRUE(one.claim("d"));
}

TEST(TargetOf, PrefersWhatStandsForAllThenLoopbackThenIPv4)
{
    EXPECT_EQ(target_of({}), "");
    EXPECT_EQ(target_of({"0.0.0.0", "10.0.2.15"}), "127.0.0.1");
    EXPECT_EQ(target_of({"::"}), "::1");
    EXPECT_EQ(target_of({"::", "0.0.0.0"}), "127.0.0.1");
    EXPECT_EQ(target_of({"10.0.2.15", "127.0.0.53"}), "127.0.0.53");
    EXPECT_EQ(target_of({"fd00::1", "10.0.2.15"}), "10.0.2.15");
}

}  // namespace
}  // namespace banger::forward
