// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "resolved.hpp"

#include <gmock/gmock.h>

#include "banger/sdk/testing/fake_host.hpp"
#include "tests/fake_resolved.hpp"

namespace banger::tap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ResolvedTest : public ::testing::Test {
protected:
    Resolved connected()
    {
        auto bus = fake.connect();
        EXPECT_TRUE(bus) << bus.error().message;
        return Resolved(bus ? std::move(*bus) : nullptr);
    }

    static constexpr int interface = 7;
    const sdk::NameServer server{"127.0.0.1", 42069, "vm"};
    testing::FakeResolved fake;
};

TEST_F(ResolvedTest, TheDomainIsToldBeforeTheServerSoThatNothingElseIsEverAskedOfIt)
{
    auto resolved = connected();
    const auto told = resolved.route(interface, server);
    ASSERT_TRUE(told) << told.error().message;
    const auto link = fake.link(interface);
    EXPECT_THAT(link.servers, ElementsAre(sdk::NameServer{"127.0.0.1", 42069, ""}));
    EXPECT_THAT(link.domains, ElementsAre("vm"));
    EXPECT_EQ(link.settings.at("SetLinkDefaultRoute"), "no");
    EXPECT_EQ(link.settings.at("SetLinkDNSSEC"), "no");
    EXPECT_EQ(link.settings.at("SetLinkDNSOverTLS"), "no");
    EXPECT_EQ(fake.calls().back(), "SetLinkDNSEx");
    EXPECT_EQ(*resolved.routed(interface), std::vector{server});
}

TEST_F(ResolvedTest, WhatIsTakenBackIsGone)
{
    auto resolved = connected();
    ASSERT_TRUE(resolved.route(interface, server));
    ASSERT_TRUE(resolved.revert(interface));
    EXPECT_THAT(*resolved.routed(interface), IsEmpty());
    EXPECT_TRUE(resolved.revert(interface));
}

TEST_F(ResolvedTest, SaysWhetherItRuns)
{
    EXPECT_TRUE(*connected().runs());
    testing::FakeResolved none;
    none.runs = false;
    auto bus = none.connect();
    ASSERT_TRUE(bus);
    EXPECT_FALSE(*Resolved(std::move(*bus)).runs());
}

TEST_F(ResolvedTest, ItsRefusalIsPassedOnInItsWords)
{
    fake.refuses = "SetLinkDNSEx";
    auto resolved = connected();
    const auto told = resolved.route(interface, server);
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, sdk::Code::unavailable);
    EXPECT_THAT(told.error().message, HasSubstr("SetLinkDNSEx: no, thank you"));
}

TEST_F(ResolvedTest, OneThatHangsIsWaitedForOnceAndNotForEachCall)
{
    fake.hangs = {"SetLinkDNSSEC", "RevertLink"};
    auto bus = fake.connect();
    ASSERT_TRUE(bus);
    Resolved resolved(std::move(*bus), -1, std::chrono::milliseconds(50));
    const auto told = resolved.route(interface, server);
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, sdk::Code::timed_out);
    EXPECT_THAT(told.error().message, HasSubstr("SetLinkDNSSEC"));
    const auto reverted = resolved.revert(interface);
    ASSERT_FALSE(reverted);
    EXPECT_EQ(reverted.error().code, sdk::Code::timed_out);
    EXPECT_EQ(fake.link(interface).servers.size(), 0U);
}

TEST_F(ResolvedTest, WhoGivesUpDoesNotWaitForOneThatHangs)
{
    fake.hangs = {"SetLinkDomains"};
    sdk::testing::FakeCall call;
    auto bus = fake.connect();
    ASSERT_TRUE(bus);
    Resolved resolved(std::move(*bus), call.cancel_descriptor(), std::chrono::hours(1));
    call.cancel();
    const auto told = resolved.route(interface, server);
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, sdk::Code::cancelled);
}

}  // namespace
}  // namespace banger::tap
