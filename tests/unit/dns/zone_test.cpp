// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "zone.hpp"

#include <gtest/gtest.h>

#include "questions.hpp"

namespace banger::dns {
namespace {

using testing::wire_name;
using What = Found::What;

class ZoneTest : public ::testing::Test {
protected:
    void publish(const std::string& name, const std::vector<std::string>& addresses)
    {
        const auto published = zone.publish({name, addresses});
        ASSERT_TRUE(published) << published.error().message;
    }
    [[nodiscard]] Found find(const std::string& name) const { return zone.find(wire_name(name)); }

    Zone zone{"vm"};
};

TEST_F(ZoneTest, ANameStandsForItselfAndAllBelow)
{
    publish("web.vm", {"127.86.0.1", "fd00::1"});
    for (const char* name : {"web.vm", "api.web.vm", "a.b.c.web.vm", "*.web.vm"}) {
        const auto found = find(name);
        EXPECT_EQ(found.what, What::name) << name;
        ASSERT_EQ(found.addresses.size(), 2U) << name;
        EXPECT_EQ(found.addresses[0], std::string("\x7f\x56\x00\x01", 4));
        EXPECT_EQ(found.addresses[1].size(), 16U);
        EXPECT_EQ(found.zone, wire_name("vm"));
    }
}

TEST_F(ZoneTest, OtherNamesAreNotThereOrNotOurs)
{
    publish("web.vm", {"127.86.0.1"});
    EXPECT_EQ(find("db.vm").what, What::nothing);
    EXPECT_EQ(find("eb.vm").what, What::nothing);
    for (const char* name : {"example.com", "web.vm.example.com", "com", "", "xvm", "web.xvm"})
        EXPECT_EQ(find(name).what, What::elsewhere) << name;
}

TEST_F(ZoneTest, WhatHasOnlyNamesBelowItExistsWithoutAddresses)
{
    publish("a.b.vm", {"127.86.0.1"});
    EXPECT_EQ(find("b.vm").what, What::name);
    EXPECT_TRUE(find("b.vm").addresses.empty());
    EXPECT_EQ(find("c.b.vm").what, What::nothing);
    zone.withdraw("a.b.vm");
    EXPECT_EQ(find("b.vm").what, What::nothing);
}

TEST_F(ZoneTest, ACloserNameEndsWhatAnOtherStandsFor)
{
    publish("b.vm", {"127.86.0.1"});
    publish("a.b.vm", {"127.86.0.2"});
    EXPECT_EQ(find("x.a.b.vm").addresses[0].back(), '\2');
    EXPECT_EQ(find("x.b.vm").addresses[0].back(), '\1');
    zone.withdraw("b.vm");
    EXPECT_EQ(find("a.b.vm").addresses[0].back(), '\2');
    EXPECT_TRUE(find("b.vm").addresses.empty());
}

TEST_F(ZoneTest, AnAddressLeadsBackToItsNames)
{
    publish("web.vm", {"127.86.0.1", "127.86.0.1"});
    publish("www.vm", {"127.86.0.1"});
    publish("six.vm", {"fd00::1"});
    const auto found = find("1.0.86.127.in-addr.arpa");
    EXPECT_EQ(found.what, What::name);
    EXPECT_TRUE(found.apex);
    EXPECT_EQ(found.pointers, (std::vector<std::string>{wire_name("web.vm"), wire_name("www.vm")}));
    EXPECT_EQ(find("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa").pointers,
              std::vector<std::string>{wire_name("six.vm")});
    EXPECT_EQ(find("x.1.0.86.127.in-addr.arpa").what, What::nothing);
    EXPECT_EQ(find("2.0.86.127.in-addr.arpa").what, What::elsewhere);
    zone.withdraw("web.vm");
    zone.withdraw("www.vm");
    EXPECT_EQ(find("1.0.86.127.in-addr.arpa").what, What::elsewhere);
}

TEST_F(ZoneTest, TheSerialGrowsWithEachChange)
{
    const auto before = find("vm").serial;
    publish("web.vm", {"127.86.0.1"});
    const auto between = find("vm").serial;
    EXPECT_GT(between, before);
    zone.withdraw("web.vm");
    EXPECT_GT(find("vm").serial, between);
    const auto after = find("vm").serial;
    zone.withdraw("web.vm");
    EXPECT_EQ(find("vm").serial, after);
}

TEST_F(ZoneTest, NamesOfOtherZonesAreRefused)
{
    for (const char* name : {"vm", "web.com", "webvm"})
        EXPECT_FALSE(zone.publish({name, {"127.86.0.1"}})) << name;
}

TEST_F(ZoneTest, BytesThatAreNoNameFindNothing)
{
    publish("web.vm", {"127.86.0.1"});
    for (const std::string& bytes : {std::string(), std::string("\x3f"), std::string("\x03we"), std::string("\xff\0", 2)})
        EXPECT_EQ(zone.find(bytes).what, What::elsewhere);
}

}  // namespace
}  // namespace banger::dns
