// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/fake_network.hpp"
#include "banger/sdk/testing/fake_network_names.hpp"
#include "banger/sdk/testing/network_contract.hpp"
#include "banger/sdk/testing/network_names_contract.hpp"

namespace banger::sdk::testing {
namespace {

std::unique_ptr<Network> open(Host& host)
{
    static const auto world = std::make_shared<FakeNetworkWorld>();
    return std::make_unique<FakeNetwork>(host, world);
}

INSTANTIATE_TEST_SUITE_P(Fake, NetworkContract,
                         ::testing::Values(NetworkUnderTest{"fake", open, "link:stream-socket"}));

INSTANTIATE_TEST_SUITE_P(Fake, NetworkNamesContract,
                         ::testing::Values(NetworkNamesUnderTest{
                             "fake", [](Host& host) { return std::make_unique<FakeNetworkNames>(host); },
                             &FakeNamesWorld::bring_up}));

}  // namespace
}  // namespace banger::sdk::testing
