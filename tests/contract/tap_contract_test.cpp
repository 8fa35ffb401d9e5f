// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <sched.h>

#include "banger/sdk/testing/network_contract.hpp"
#include "tap_network.hpp"

namespace banger::sdk::testing {
namespace {

std::unique_ptr<Network> open(Host& host)
{
    tap::Config config;
    config.pool = 1;
    return tap::make_network(host, config);
}

// In a network namespace of this program's own, so that no bridge is ever made in the machine's.
std::vector<NetworkUnderTest> networks_of_this_machine()
{
    if (::unshare(CLONE_NEWNET) != 0)
        return {};
    FakeHost host;
    FakeCall call;
    const auto probe = open(host)->probe(call);
    if (!probe || !probe->usable)
        return {};
    return {{"tap", open, "link:tap"}};
}

INSTANTIATE_TEST_SUITE_P(Tap, NetworkContract, ::testing::ValuesIn(networks_of_this_machine()),
                         [](const auto& each) { return each.param.name; });

// Elsewhere it has no values, which is said by the test below and not taken for a mistake.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NetworkContract);

TEST(TapContract, RunsWhereTapsCanBeMade)
{
    FakeHost host;
    FakeCall call;
    const auto probe = open(host)->probe(call);
    ASSERT_TRUE(probe);
    if (!probe->usable)
        GTEST_SKIP() << probe->reason;
}

}  // namespace
}  // namespace banger::sdk::testing
