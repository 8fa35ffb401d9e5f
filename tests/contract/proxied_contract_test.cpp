// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// The contracts of what the root helper serves, through its socket, its checks and the proxies: over fakes, in this process.
#include "banger/sdk/testing/fake_network.hpp"
#include "banger/sdk/testing/fake_network_names.hpp"
#include "banger/sdk/testing/network_contract.hpp"
#include "banger/sdk/testing/network_names_contract.hpp"
#include "tests/contract/fake_storages.hpp"
#include "tests/privd_in_process.hpp"

namespace banger::sdk::testing {
namespace {

privd::testing::PrivdInProcess& helper()
{
    static privd::testing::PrivdInProcess only;
    return only;
}

constexpr auto behind_the_helper = []<typename Interface>(Host& host, std::unique_ptr<Interface> fake) {
    return helper().proxy<Interface>(host, helper().add(std::move(fake)));
};
constexpr auto name_of = [](const auto& each) { return each.param.name; };

std::unique_ptr<Network> open_network(Host& host)
{
    static const auto world = std::make_shared<FakeNetworkWorld>();
    return behind_the_helper(host, std::unique_ptr<Network>(std::make_unique<FakeNetwork>(host, world)));
}

std::unique_ptr<NetworkNames> open_names(Host& host)
{
    return behind_the_helper(host, std::unique_ptr<NetworkNames>(std::make_unique<FakeNetworkNames>(host)));
}

INSTANTIATE_TEST_SUITE_P(Proxied, StorageContract, ::testing::ValuesIn(fake_storages(behind_the_helper)), name_of);
INSTANTIATE_TEST_SUITE_P(Proxied, StorageForkContract, ::testing::ValuesIn(fake_forks(behind_the_helper)), name_of);
INSTANTIATE_TEST_SUITE_P(Proxied, NetworkContract,
                         ::testing::Values(NetworkUnderTest{"proxied", open_network, "link:stream-socket"}), name_of);
INSTANTIATE_TEST_SUITE_P(Proxied, NetworkNamesContract,
                         ::testing::Values(NetworkNamesUnderTest{
                             "proxied", open_names, &FakeNamesWorld::bring_up}),
                         name_of);

}  // namespace
}  // namespace banger::sdk::testing
