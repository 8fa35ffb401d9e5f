// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/identity.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "guest/agent/interface_setup.hpp"
#include "guest/agent/network.hpp"

namespace banger::agent {
namespace {

TEST(HostsWithName, KeepsEverybodyElsesLines)
{
    EXPECT_EQ(hosts_with_name("127.0.0.1 localhost\n127.0.1.1 old\n10.0.0.1 x\n", "new"),
              "127.0.0.1 localhost\n10.0.0.1 x\n127.0.1.1\tnew\n");
    EXPECT_EQ(hosts_with_name("127.0.1.10 y", "n"), "127.0.1.10 y\n127.0.1.1\tn\n");
    EXPECT_NE(hosts_with_name("", "n").find("localhost"), std::string::npos);
}

TEST(DecodeBase64, ReadsPaddedText)
{
    EXPECT_EQ(decode_base64(""), "");
    EXPECT_EQ(decode_base64("Zg=="), "f");
    EXPECT_EQ(decode_base64("Zm9vYmE="), "fooba");
    EXPECT_EQ(decode_base64("Zm9v\nYmFy"), "foobar");
    EXPECT_EQ(decode_base64("//79"), "\xff\xfe\xfd");
}

TEST(PrefixFrom, ReadsBothFamilies)
{
    const auto four = prefix_from("10.0.2.15/24");
    ASSERT_TRUE(four);
    EXPECT_EQ(four->family, AF_INET);
    EXPECT_EQ(four->length, 24);
    const auto six = prefix_from("fd00::2/64");
    ASSERT_TRUE(six);
    EXPECT_EQ(six->family, AF_INET6);
    for (const char* text :
         {"", "10.0.2.15", "10.0.2.15/", "10.0.2.15/33", "10.0.2/24", "::1/129", "x/8", "1.2.3.4/8x"})
        EXPECT_FALSE(prefix_from(text)) << text;
}

TEST(ResolvConf, NamesServersAndDomains)
{
    EXPECT_EQ(resolv_conf({"10.0.2.3", "::1"}, {"vm", "lan"}), "search vm lan\nnameserver 10.0.2.3\nnameserver ::1\n");
    EXPECT_EQ(resolv_conf({"10.0.2.3"}, {}), "nameserver 10.0.2.3\n");
}

}  // namespace
}  // namespace banger::agent
