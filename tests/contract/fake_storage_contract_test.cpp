// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/fake_storage.hpp"
#include "banger/sdk/testing/fake_storage_fork.hpp"
#include "banger/sdk/testing/storage_contract.hpp"
#include "banger/sdk/testing/storage_fork_contract.hpp"

namespace banger::sdk::testing {
namespace {

std::unique_ptr<Storage> open(Host& host)
{
    static const auto world = std::make_shared<FakeStorageWorld>();
    return std::make_unique<FakeStorage>(host, world);
}

INSTANTIATE_TEST_SUITE_P(Fake, StorageContract, ::testing::Values(StorageUnderTest{"fake", open, "disk:raw", true}));

std::unique_ptr<StorageFork> open_fork(Host& host)
{
    static const auto world = std::make_shared<FakeForkWorld>();
    return std::make_unique<FakeStorageFork>(host, world);
}

INSTANTIATE_TEST_SUITE_P(Fake, StorageForkContract,
                         ::testing::Values(StorageForkUnderTest{"fake", open, open_fork, "disk:raw"}));

}  // namespace
}  // namespace banger::sdk::testing
