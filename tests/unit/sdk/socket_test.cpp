// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/socket.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace banger::sdk::os {
namespace {

sockaddr_in6 v6_of(const std::string& address)
{
    const auto place = tcp_address(address, 80);
    EXPECT_TRUE(place) << place.error().message;
    sockaddr_in6 v6{};
    if (place && place->family() == AF_INET6)
        std::memcpy(&v6, place->get(), sizeof v6);
    return v6;
}

TEST(TcpAddress, AnAddressOfOneLinkHasItsInterface)
{
    EXPECT_EQ(v6_of("fe80::1%2").sin6_scope_id, 2U);
    EXPECT_EQ(v6_of("fe80::1").sin6_scope_id, 0U);
    EXPECT_EQ(v6_of("::1").sin6_port, htons(80));
}

TEST(TcpAddress, NothingElseIsOne)
{
    for (const char* text : {"", "localhost", "127.0.0.1%2", "fe80::1%", "fe80::1%0", "fe80::1%eth0", "fe80::1%2%2", "fe80::1%4294967296",
                             "fe80::1%-1", "127.0.0.1:80"}) {
        const auto place = tcp_address(text, 80);
        ASSERT_FALSE(place) << text;
        EXPECT_EQ(place.error().code, Code::invalid);
    }
}

}  // namespace
}  // namespace banger::sdk::os
