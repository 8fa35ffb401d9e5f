// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/storage_fork_kill_contract.hpp"
#include "tests/contract/fake_storages.hpp"

namespace banger::sdk::testing {
namespace {

constexpr auto as_it_is = [](Host& /*host*/, auto provider) { return provider; };
constexpr auto name_of = [](const auto& each) { return each.param.name; };

INSTANTIATE_TEST_SUITE_P(Fake, StorageContract, ::testing::ValuesIn(fake_storages(as_it_is)), name_of);
INSTANTIATE_TEST_SUITE_P(Fake, StorageForkContract, ::testing::ValuesIn(fake_forks(as_it_is)), name_of);
INSTANTIATE_TEST_SUITE_P(Fake, StorageForkKillContract, ::testing::ValuesIn(fake_forks(as_it_is)), name_of);

// What a kernel holds for a layer is there while any disk stands on it, and no longer.
TEST(FakeLayerDevicesTest, TheDeviceOfALayerGoesWithTheLastDiskThatStandsOnIt)
{
    FakeHost host;
    FakeCall call;
    FakeLayeredStorage storage(host, FakeTop::device);
    FakeLayeredFork fork(host, FakeTop::device);
    const FakeLayerDevices devices(host);
    const std::string image = host.cache_directory() + "/image";
    ASSERT_TRUE(os::write_file_atomic(image, std::string(8192, 'i')));
    const DiskSpec parent{host.new_owner(), "root", {image, 8192, "raw"}, 8192, "disk:fake"};
    ASSERT_TRUE(storage.create(parent, call));
    const auto attached = storage.attach(parent, call);
    ASSERT_TRUE(attached);
    EXPECT_TRUE(devices.list().empty());
    const auto freeze = fork.attach({parent, host.vms_directory() + "/layer"}, call);
    ASSERT_TRUE(freeze);
    EXPECT_FALSE(freeze->value.top) << "its machine keeps the device";
    const auto layer = fork.commit(freeze->handle);
    ASSERT_TRUE(layer);
    ASSERT_TRUE(fork.release(freeze->handle));
    EXPECT_EQ(devices.list().size(), 1U);
    const DiskSpec child{host.new_owner(), "root", *layer, 8192, "disk:fake"};
    ASSERT_TRUE(storage.create(child, call));
    const auto second = storage.attach(child, call);
    ASSERT_TRUE(second);
    EXPECT_EQ(devices.list().size(), 1U);
    ASSERT_TRUE(storage.release(attached->handle));
    EXPECT_EQ(devices.list().size(), 1U) << "the child stands on it";
    ASSERT_TRUE(storage.release(second->handle));
    EXPECT_TRUE(devices.list().empty());
}

}  // namespace
}  // namespace banger::sdk::testing
