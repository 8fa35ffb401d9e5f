// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "banger/sdk/dns.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::sdk::testing {

/// A dns/0 provider for the contract.
struct DnsUnderTest {
    std::string name;                                 ///< what tests are called after
    std::function<std::unique_ptr<Dns>(Host&)> open;  ///< a fresh provider, as after a restart of the daemon
};

inline std::ostream& operator<<(std::ostream& out, const DnsUnderTest& dns)
{
    return out << dns.name;
}

/// What every dns/0 provider promises. Instantiate for each provider and each fake:
///     INSTANTIATE_TEST_SUITE_P(Fake, DnsContract, ::testing::Values(DnsUnderTest{...}));
class DnsContract : public ::testing::TestWithParam<DnsUnderTest> {
protected:
    using Addresses = std::vector<std::string>;

    void SetUp() override
    {
        dns = GetParam().open(host);
        ASSERT_NE(dns, nullptr);
    }

    void must_publish(const std::string& name, const Addresses& addresses)
    {
        const auto published = dns->publish({name, addresses});
        EXPECT_TRUE(published) << published.error().message;
    }
    std::vector<DnsRecord> listed()
    {
        auto records = dns->list();
        EXPECT_TRUE(records) << records.error().message;
        return records ? *records : std::vector<DnsRecord>{};
    }
    /// What a name stands for; empty if it is not published.
    Addresses addresses_of(const std::string& name)
    {
        for (const auto& record : listed())
            if (record.name == name)
                return record.addresses;
        return {};
    }

    FakeHost host;
    FakeCall call;
    std::unique_ptr<Dns> dns;
};

TEST_P(DnsContract, ProbeIsUsable)
{
    const auto probe = dns->probe(call);
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_TRUE(probe->usable) << probe->reason;
    EXPECT_FALSE(probe->reason.empty());
    EXPECT_EQ(probe->facts.count("zone"), 1U);
    EXPECT_TRUE(listed().empty());
}

TEST_P(DnsContract, APublishedNameIsListed)
{
    must_publish("web.vm", {"10.0.0.1"});
    must_publish("db.vm", {"10.0.0.2", "fd00::2"});
    EXPECT_EQ(addresses_of("web.vm"), Addresses{"10.0.0.1"});
    EXPECT_EQ(addresses_of("db.vm"), (Addresses{"10.0.0.2", "fd00::2"}));
    EXPECT_EQ(listed().size(), 2U);
}

TEST_P(DnsContract, PublishingAgainReplaces)
{
    must_publish("web.vm", {"10.0.0.1", "10.0.0.2"});
    must_publish("web.vm", {"10.0.0.3"});
    EXPECT_EQ(addresses_of("web.vm"), Addresses{"10.0.0.3"});
    EXPECT_EQ(listed().size(), 1U);
}

TEST_P(DnsContract, NamesKnowNoCase)  // RFC 4343
{
    must_publish("Web.VM", {"10.0.0.1"});
    must_publish("wEB.vm", {"10.0.0.2"});
    EXPECT_EQ(addresses_of("web.vm"), Addresses{"10.0.0.2"});
    EXPECT_TRUE(dns->withdraw("WEB.vm"));
    EXPECT_TRUE(listed().empty());
}

TEST_P(DnsContract, WithdrawIsIdempotentAndTakesOneName)
{
    must_publish("web.vm", {"10.0.0.1"});
    must_publish("db.vm", {"10.0.0.2"});
    EXPECT_TRUE(dns->withdraw("web.vm"));
    EXPECT_TRUE(dns->withdraw("web.vm"));
    EXPECT_TRUE(dns->withdraw("never.vm"));
    EXPECT_TRUE(addresses_of("web.vm").empty());
    EXPECT_EQ(addresses_of("db.vm"), Addresses{"10.0.0.2"});
}

TEST_P(DnsContract, WhatIsNoNameOrAddressIsRefusedAndChangesNothing)
{
    must_publish("web.vm", {"10.0.0.1"});
    const std::string long_label(64, 'a');
    std::string long_name = "a";
    while (long_name.size() < 254)
        long_name += ".a";
    for (const std::string& name : {std::string(), std::string("."), std::string("web..vm"), std::string("web.vm."),
                                    std::string("-web.vm"), std::string("web-.vm"), std::string("we b.vm"),
                                    std::string("w\xc3\xa9"
                                                "b.vm"),
                                    long_label + ".vm", long_name}) {
        const auto published = dns->publish({name, {"10.0.0.1"}});
        ASSERT_FALSE(published) << name;
        EXPECT_EQ(to_string(published.error().code), to_string(Code::invalid)) << name;
        EXPECT_FALSE(published.error().message.empty());
    }
    for (const Addresses& addresses : {Addresses{}, Addresses{""}, Addresses{"10.0.0"}, Addresses{"10.0.0.256"},
                                       Addresses{"10.0.0.2", "host"}, Addresses{"10.0.0.1/24"}, Addresses{"fd00::g"}}) {
        const auto published = dns->publish({"web.vm", addresses});
        ASSERT_FALSE(published);
        EXPECT_EQ(to_string(published.error().code), to_string(Code::invalid));
    }
    EXPECT_EQ(addresses_of("web.vm"), Addresses{"10.0.0.1"});
    EXPECT_EQ(listed().size(), 1U);
}

TEST_P(DnsContract, NamesLiveAsLongAsTheProvider)
{
    must_publish("web.vm", {"10.0.0.1"});
    dns.reset();  // first the old one, which may own a port
    dns = GetParam().open(host);
    ASSERT_NE(dns, nullptr);
    EXPECT_TRUE(listed().empty());
}

TEST_P(DnsContract, ManyThreadsMayPublish)
{
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
            for (int j = 0; j < 50; ++j) {
                const std::string name = "vm" + std::to_string(i) + "-" + std::to_string(j) + ".vm";
                EXPECT_TRUE(dns->publish({name, {"10.0.0.1"}}));
                EXPECT_TRUE(dns->list());
                if (j % 2 == 0) {
                    EXPECT_TRUE(dns->withdraw(name));
                }
            }
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(listed().size(), 100U);
}

}  // namespace banger::sdk::testing
