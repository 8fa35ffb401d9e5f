// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "banger/sdk/network_names.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::sdk::testing {

/// A network.names/0 provider for the contract.
struct NetworkNamesUnderTest {
    std::string name;                                          ///< what tests are called after
    std::function<std::unique_ptr<NetworkNames>(Host&)> open;  ///< a fresh provider, as after a restart of the daemon
    /// Puts the network on this host, for as long as what it returns lives.
    std::function<std::shared_ptr<void>(Host&)> bring_up;
};

inline std::ostream& operator<<(std::ostream& out, const NetworkNamesUnderTest& names)
{
    return out << names.name;
}

/// What every network.names/0 provider promises. Instantiate for each provider and each fake.
class NetworkNamesContract : public ::testing::TestWithParam<NetworkNamesUnderTest> {
protected:
    void SetUp() override { names = GetParam().open(host); }
    void TearDown() override
    {
        if (names) {
            EXPECT_TRUE(names->unroute());
        }
    }
    std::vector<NameServer> routed()
    {
        auto servers = names->routed();
        EXPECT_TRUE(servers) << servers.error().message;
        return servers ? *servers : std::vector<NameServer>{};
    }

    const NameServer one{"127.0.0.1", 42069, "vm"};
    const NameServer other{"127.0.0.2", 53, "vm"};
    FakeHost host;
    FakeCall call;
    std::unique_ptr<NetworkNames> names;
};

TEST_P(NetworkNamesContract, ProbeSaysItCanWork)
{
    const auto probe = names->probe(call);
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_TRUE(probe->usable) << probe->reason;
    EXPECT_FALSE(probe->reason.empty());
}

TEST_P(NetworkNamesContract, WithoutTheNetworkThereIsNothingToTell)
{
    const auto routed_nothing = names->route(one, call);
    ASSERT_FALSE(routed_nothing);
    EXPECT_EQ(routed_nothing.error().code, Code::not_found);
    EXPECT_TRUE(routed().empty());
    EXPECT_TRUE(names->unroute());
}

TEST_P(NetworkNamesContract, WhatWasToldIsReplacedAndTakenBack)
{
    const auto network = GetParam().bring_up(host);
    EXPECT_TRUE(routed().empty());
    for (const auto& server : {one, one, other}) {
        const auto told = names->route(server, call);
        ASSERT_TRUE(told) << told.error().message;
        EXPECT_EQ(routed(), std::vector{server});
    }
    EXPECT_TRUE(names->unroute());
    EXPECT_TRUE(routed().empty());
    EXPECT_TRUE(names->unroute());
}

TEST_P(NetworkNamesContract, ItStaysToldWhenTheDaemonIsGone)
{
    const auto network = GetParam().bring_up(host);
    ASSERT_TRUE(names->route(one, call));
    names = GetParam().open(host);
    EXPECT_EQ(routed(), std::vector{one});
    EXPECT_TRUE(names->unroute());
    EXPECT_TRUE(routed().empty());
}

TEST_P(NetworkNamesContract, WhatIsNoServerIsRefused)
{
    const auto network = GetParam().bring_up(host);
    for (const auto& server : {NameServer{"localhost", 53, "vm"}, {"127.0.0.1", 0, "vm"}, {"127.0.0.1", 53, ""},
                               {"127.0.0.1", 53, "a..b"}, {"127.0.0.1", 53, "."}, {"", 53, "vm"}}) {
        const auto told = names->route(server, call);
        ASSERT_FALSE(told) << server.address << " " << server.zone;
        EXPECT_EQ(told.error().code, Code::invalid);
    }
    EXPECT_TRUE(routed().empty());
}

}  // namespace banger::sdk::testing
