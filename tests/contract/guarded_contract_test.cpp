// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Every contract again, through the plugin host's guard: its proxies must be providers like any other.
#include "banger/sdk/testing/dns_contract.hpp"
#include "banger/sdk/testing/fake_dns.hpp"
#include "banger/sdk/testing/fake_image_source.hpp"
#include "banger/sdk/testing/fake_kernel_source.hpp"
#include "banger/sdk/testing/fake_network.hpp"
#include "banger/sdk/testing/fake_network_names.hpp"
#include "banger/sdk/testing/fake_provisioner.hpp"
#include "banger/sdk/testing/fake_vmm.hpp"
#include "banger/sdk/testing/fake_vmm_snapshot.hpp"
#include "banger/sdk/testing/image_source_contract.hpp"
#include "banger/sdk/testing/kernel_source_contract.hpp"
#include "banger/sdk/testing/network_contract.hpp"
#include "banger/sdk/testing/network_names_contract.hpp"
#include "banger/sdk/testing/provisioner_contract.hpp"
#include "banger/sdk/testing/vmm_contract.hpp"
#include "banger/sdk/testing/vmm_snapshot_contract.hpp"
#include "core/plugins/guarded.hpp"
#include "core/plugins/kinds.hpp"
#include "fake_machines.hpp"
#include "tests/contract/fake_storages.hpp"

namespace banger::sdk::testing {
namespace {

template <typename Interface>
std::unique_ptr<Interface> behind_guard(std::shared_ptr<Interface> fake)
{
    static const auto plugin = std::make_shared<plugins::Guard::Plugin>(
        "fake", plugins::Deadlines{}, std::make_shared<plugins::CallThreads>(), nullptr);
    const std::string kind(plugins::kind_of<Interface>);
    auto proxy = plugins::guarded(kind, std::move(fake), plugins::Guard(plugin, kind + " fake"));
    EXPECT_TRUE(proxy) << (proxy ? "" : proxy.error().message);
    return std::unique_ptr<Interface>(proxy ? dynamic_cast<Interface*>(proxy->release()) : nullptr);
}

// A fake over a world that outlives it, as kernel objects outlive a daemon.
template <typename Interface, typename Fake, typename World>
std::unique_ptr<Interface> open_in_world(Host& host)
{
    static const auto world = std::make_shared<World>();
    return behind_guard<Interface>(std::make_shared<Fake>(host, world));
}

template <typename Interface, typename Fake>
std::unique_ptr<Interface> open(Host& /*host*/)
{
    return behind_guard<Interface>(std::make_shared<Fake>());
}

const std::shared_ptr<FakeVmmWorld>& counting_world()
{
    static const auto world = std::make_shared<FakeVmmWorld>();
    return world;
}

INSTANTIATE_TEST_SUITE_P(Guarded, VmmContract,
                         ::testing::Values(VmmUnderTest{"guarded", open_in_world<Vmm, FakeVmm, FakeVmmWorld>,
                                                        one_disk}));
INSTANTIATE_TEST_SUITE_P(
    Guarded, VmmSnapshotContract,
    ::testing::Values(machines_of(
        "guarded", counting_world(),
        [](Host& host) { return behind_guard<Vmm>(std::make_shared<FakeVmm>(host, counting_world())); },
        [](Host& host) {
            return behind_guard<VmmSnapshot>(std::make_shared<FakeVmmSnapshot>(host, counting_world()));
        })));

constexpr auto behind_a_guard = []<typename Interface>(Host& /*host*/, std::unique_ptr<Interface> fake) {
    return behind_guard<Interface>(std::move(fake));
};
constexpr auto name_of = [](const auto& each) { return each.param.name; };

INSTANTIATE_TEST_SUITE_P(Guarded, StorageContract, ::testing::ValuesIn(fake_storages(behind_a_guard)), name_of);
INSTANTIATE_TEST_SUITE_P(Guarded, StorageForkContract, ::testing::ValuesIn(fake_forks(behind_a_guard)), name_of);
INSTANTIATE_TEST_SUITE_P(Guarded, NetworkContract,
                         ::testing::Values(NetworkUnderTest{
                             "guarded", open_in_world<Network, FakeNetwork, FakeNetworkWorld>, "link:stream-socket"}));
INSTANTIATE_TEST_SUITE_P(
    Guarded, NetworkNamesContract,
    ::testing::Values(NetworkNamesUnderTest{
        "guarded", [](Host& host) { return behind_guard<NetworkNames>(std::make_shared<FakeNetworkNames>(host)); },
        &FakeNamesWorld::bring_up}));
INSTANTIATE_TEST_SUITE_P(Guarded, ImageSourceContract,
                         ::testing::Values(ImageSourceUnderTest{
                             "guarded", open<ImageSource, FakeImageSource>, FakeImageSource::recipe, {}}));
INSTANTIATE_TEST_SUITE_P(Guarded, KernelSourceContract,
                         ::testing::Values(KernelSourceUnderTest{
                             "guarded", open<KernelSource, FakeKernelSource>, FakeKernelSource::recipe, {}}));
INSTANTIATE_TEST_SUITE_P(Guarded, DnsContract, ::testing::Values(DnsUnderTest{"guarded", open<Dns, FakeDns>}));
INSTANTIATE_TEST_SUITE_P(Guarded, ProvisionerContract,
                         ::testing::Values(ProvisionerUnderTest{"guarded", open<Provisioner, FakeProvisioner>}));

}  // namespace
}  // namespace banger::sdk::testing
