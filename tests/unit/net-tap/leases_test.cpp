// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "leases.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::tap {
namespace {

class TapLeases : public ::testing::Test {
protected:
    Leases open() { return *Leases::open(host); }
    Leases with(const char* subnet)
    {
        auto leases = open();
        leases.use(*Subnet::parse(subnet));
        return leases;
    }

    std::string path() const { return host.cache_directory() + "/addresses"; }
    std::string written() const { return *sdk::os::read_file(path()); }

    sdk::testing::FakeHost host;
};

TEST_F(TapLeases, AVmKeepsItsAddressAndSharesItWithNobody)
{
    auto leases = with("172.16.0.0/24");
    std::set<Address> all;
    std::string vm;
    for (int i = 0; i < 100; ++i) {
        vm = host.new_owner().vm;
        const auto address = leases.take(vm);
        ASSERT_TRUE(address);
        EXPECT_TRUE(leases.subnet()->contains(*address));
        EXPECT_TRUE(all.insert(*address).second) << to_string(*address);
        EXPECT_GE(*address, leases.subnet()->first_guest());
        EXPECT_LT(*address, leases.subnet()->network + 255);
    }
    ASSERT_TRUE(leases.write());
    auto later = open();
    EXPECT_EQ(later.of(vm), leases.of(vm));
    EXPECT_EQ(*later.take(vm), *leases.of(vm));
}

TEST_F(TapLeases, AFullSubnetSaysSoAndTheAddressOfAVmThatIsGoneIsFree)
{
    auto leases = with("172.16.0.0/30");
    const auto first = host.new_owner();
    ASSERT_TRUE(leases.take(first.vm));
    const auto second = host.new_owner();
    const auto refused = leases.take(second.vm);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, sdk::Code::busy);
    EXPECT_FALSE(refused.error().hint.empty());
    ASSERT_TRUE(sdk::os::remove_tree(first.directory));
    EXPECT_TRUE(leases.take(second.vm));
}

TEST_F(TapLeases, WhatOthersUseIsNotGivenWhateverTheFileSays)
{
    auto leases = with("172.16.0.0/29");
    const auto vm = host.new_owner().vm;
    const auto before = *leases.take(vm);
    EXPECT_EQ(*leases.take(vm, {before + 100}), before);
    const auto after = leases.take(vm, {before});
    ASSERT_TRUE(after);
    EXPECT_NE(*after, before);
    EXPECT_EQ(leases.of(vm), *after);
}

TEST_F(TapLeases, WhoIsNewIsWrittenBehindTheOthers)
{
    auto leases = with("172.16.0.0/24");
    const auto one = host.new_owner().vm;
    const auto one_of = *leases.take(one);
    ASSERT_TRUE(leases.write());
    const auto before = written();
    auto later = open();
    const auto other = host.new_owner().vm;
    ASSERT_TRUE(later.take(other));
    ASSERT_TRUE(later.write());
    EXPECT_EQ(written(), before + other + " " + to_string(*later.of(other)) + "\n");
    ASSERT_NE(*later.take(one, {one_of}), one_of);
    ASSERT_TRUE(later.write());
    EXPECT_EQ(open().of(one), later.of(one));
    EXPECT_EQ(open().of(other), later.of(other));
}

TEST_F(TapLeases, ALineThatDoesNotEndIsNotThereAndNothingIsWrittenBehindIt)
{
    auto leases = with("172.16.0.0/24");
    ASSERT_TRUE(leases.write());
    std::ofstream(path(), std::ios::app) << "torn 172.16.0.2";
    ASSERT_FALSE(open().of("torn"));
    auto later = open();
    const auto vm = host.new_owner().vm;
    ASSERT_TRUE(later.take(vm));
    ASSERT_TRUE(later.write());
    EXPECT_EQ(written(), "172.16.0.0/24\n" + vm + " " + to_string(*later.of(vm)) + "\n");
}

TEST_F(TapLeases, AnotherSubnetBeginsAnew)
{
    auto leases = with("172.16.0.0/24");
    const auto vm = host.new_owner().vm;
    ASSERT_TRUE(leases.take(vm));
    leases.use(*Subnet::parse("10.1.0.0/24"));
    EXPECT_FALSE(leases.of(vm));
    EXPECT_TRUE(leases.subnet()->contains(*leases.take(vm)));
}

TEST_F(TapLeases, WhatCannotBeReadIsNotThere)
{
    auto leases = open();
    leases.read("nonsense\nabc 172.16.0.2\n");
    EXPECT_FALSE(leases.subnet());
    leases.read("172.16.0.0/24\nabc\ndef 10.0.0.2\nghi 172.16.0.9\njkl 172.16.0.x\n");
    EXPECT_FALSE(leases.of("abc"));
    EXPECT_FALSE(leases.of("def")) << "it is of another subnet";
    EXPECT_EQ(leases.of("ghi"), *address_from_string("172.16.0.9"));
    EXPECT_FALSE(leases.of("jkl"));
}

}  // namespace
}  // namespace banger::tap
