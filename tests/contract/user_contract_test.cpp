// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/network_contract.hpp"
#include "user_network.hpp"

namespace banger::sdk::testing {
namespace {

std::unique_ptr<Network> open(Host& host)
{
    auto network = user::make_network(host, "{}");
    EXPECT_TRUE(network) << network.error().message;
    return network ? std::move(*network) : nullptr;
}

const NetworkUnderTest under_test{"user", open, "link:stream-socket"};

INSTANTIATE_TEST_SUITE_P(User, NetworkContract, ::testing::Values(under_test));
INSTANTIATE_TEST_SUITE_P(User, StreamNetworkContract, ::testing::Values(under_test));

}  // namespace
}  // namespace banger::sdk::testing
