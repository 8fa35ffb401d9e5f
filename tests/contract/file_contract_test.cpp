// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/storage_contract.hpp"
#include "banger/sdk/testing/storage_fork_contract.hpp"
#include "banger/sdk/testing/storage_fork_kill_contract.hpp"
#include "file_fork.hpp"
#include "file_storage.hpp"

namespace banger::sdk::testing {
namespace {

std::unique_ptr<Storage> open(Host& host)
{
    return file::make_storage(host);
}

// Raw disks are tested only where they are offered: on a file system with reflinks (see TMPDIR).
std::vector<StorageUnderTest> formats_of_this_machine()
{
    FakeHost host;
    FakeCall call;
    std::vector<StorageUnderTest> formats;
    const auto probe = file::make_storage(host)->probe(call);
    if (probe)
        for (const auto& word : probe->offers)
            formats.push_back({word.substr(word.find(':') + 1), open, word, true});
    return formats;
}

INSTANTIATE_TEST_SUITE_P(File, StorageContract, ::testing::ValuesIn(formats_of_this_machine()),
                         [](const auto& each) { return each.param.name; });

std::vector<StorageForkUnderTest> forks_of_this_machine()
{
    std::vector<StorageForkUnderTest> forks;
    for (const auto& storage : formats_of_this_machine())
        forks.push_back({storage.name, open, [](Host& host) { return file::make_storage_fork(host); }, storage.format});
    return forks;
}

INSTANTIATE_TEST_SUITE_P(File, StorageForkContract, ::testing::ValuesIn(forks_of_this_machine()),
                         [](const auto& each) { return each.param.name; });
INSTANTIATE_TEST_SUITE_P(File, StorageForkKillContract, ::testing::ValuesIn(forks_of_this_machine()),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace banger::sdk::testing
