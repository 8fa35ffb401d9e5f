// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "resolvers.hpp"

#include <gmock/gmock.h>

namespace banger::tap {
namespace {

TEST(TapResolvers, AreThoseThatAGuestCanReach)
{
    const auto resolvers = resolvers_in(
        "# a comment\nsearch example.org\nnameserver 127.0.0.53\nnameserver 192.168.1.1\n  nameserver\t9.9.9.9\n"
        "nameserver fe80::1%eth0\nnameserver\nnameserverx 1.2.3.4\noptions edns0\n");
    EXPECT_THAT(resolvers, ::testing::ElementsAre(*address_from_string("192.168.1.1"), *address_from_string("9.9.9.9")));
    EXPECT_TRUE(resolvers_in("").empty());
}

}  // namespace
}  // namespace banger::tap
