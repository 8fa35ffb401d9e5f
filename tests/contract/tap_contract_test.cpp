// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <sched.h>

#include "banger/sdk/testing/network_contract.hpp"
#include "banger/sdk/testing/network_names_contract.hpp"
#include "tap_names.hpp"
#include "tap_network.hpp"
#include "tests/contract/attached_guest.hpp"
#include "tests/fake_resolved.hpp"

namespace banger::sdk::testing {
namespace {

std::unique_ptr<Network> open(Host& host)
{
    tap::Config config;
    config.pool = 1;
    return tap::make_network(host, config);
}

// systemd-resolved is in the lab (tests/lab/sets/privd); here something stands for it that speaks as it does.
std::unique_ptr<NetworkNames> open_names(Host& host)
{
    static tap::testing::FakeResolved resolved;
    return tap::make_names(host, {}, [] { return resolved.connect(); });
}

std::shared_ptr<AttachedGuest> attach_a_guest(Host& host)
{
    return std::make_shared<AttachedGuest>(open(host), host);
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

std::vector<NetworkNamesUnderTest> names_of_this_machine()
{
    return networks_of_this_machine().empty()
               ? std::vector<NetworkNamesUnderTest>{}
               : std::vector<NetworkNamesUnderTest>{{"tap", open_names, attach_a_guest}};
}

INSTANTIATE_TEST_SUITE_P(Tap, NetworkNamesContract, ::testing::ValuesIn(names_of_this_machine()),
                         [](const auto& each) { return each.param.name; });

// Elsewhere it has no values, which is said by the test below and not taken for a mistake.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NetworkContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NetworkNamesContract);

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
