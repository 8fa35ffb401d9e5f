// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/storage_contract.hpp"
#include "banger/sdk/testing/storage_fork_contract.hpp"
#include "banger/sdk/testing/storage_fork_kill_contract.hpp"
#include "device.hpp"
#include "dm_fork.hpp"
#include "dm_storage.hpp"

namespace banger::sdk::testing {
namespace {

constexpr dm::Config config{4096};  // of room, which the file systems of these tests have

std::unique_ptr<Storage> open(Host& host)
{
    return dm::make_storage(host, config);
}

// Where there is no device-mapper, the lab has one: tests/lab/sets/dm.
std::vector<StorageUnderTest> storages_of_this_machine()
{
    if (!dm::device::check_available())
        return {};
    return {{"device", open, "disk:raw", true}};
}

INSTANTIATE_TEST_SUITE_P(Dm, StorageContract, ::testing::ValuesIn(storages_of_this_machine()),
                         [](const auto& each) { return each.param.name; });

std::vector<StorageForkUnderTest> forks_of_this_machine()
{
    std::vector<StorageForkUnderTest> forks;
    for (const auto& storage : storages_of_this_machine())
        forks.push_back(
            {storage.name, open, [](Host& host) { return dm::make_storage_fork(host, config); }, storage.format});
    return forks;
}

INSTANTIATE_TEST_SUITE_P(Dm, StorageForkContract, ::testing::ValuesIn(forks_of_this_machine()),
                         [](const auto& each) { return each.param.name; });
INSTANTIATE_TEST_SUITE_P(Dm, StorageForkKillContract, ::testing::ValuesIn(forks_of_this_machine()),
                         [](const auto& each) { return each.param.name; });

// Elsewhere they have no values, which is said by the test below and not taken for a mistake.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StorageContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StorageForkContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StorageForkKillContract);

TEST(DmContract, RunsWhereDeviceMapperIs)
{
    if (const auto available = dm::device::check_available(); !available)
        GTEST_SKIP() << available.error().message;
}

}  // namespace
}  // namespace banger::sdk::testing
