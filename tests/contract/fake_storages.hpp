// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "banger/sdk/testing/fake_layered_fork.hpp"
#include "banger/sdk/testing/fake_layered_storage.hpp"
#include "banger/sdk/testing/fake_storage.hpp"
#include "banger/sdk/testing/fake_storage_fork.hpp"
#include "banger/sdk/testing/storage_contract.hpp"
#include "banger/sdk/testing/storage_fork_contract.hpp"

namespace banger::sdk::testing {

/// The fakes in all forms that a disk may have: whole copies, which are cloned while the machine stands; tops that it
/// is moved to; a device that keeps its name. `wrap` takes a host and a provider of its and returns what stands for it.
template <typename Wrap>
std::vector<StorageForkUnderTest> fake_forks(Wrap wrap)
{
    // One world for the whole test program: attachments outlive the providers that made them.
    const auto world = std::make_shared<FakeStorageWorld>();
    std::vector<StorageForkUnderTest> forks{
        {"copies",
         [wrap, world](Host& host) {
             return wrap(host, std::unique_ptr<Storage>(std::make_unique<FakeStorage>(host, world)));
         },
         [wrap](Host& host) { return wrap(host, std::unique_ptr<StorageFork>(std::make_unique<FakeStorageFork>(host))); },
         "disk:raw"}};
    for (const auto& [name, top] : {std::pair("tops", FakeTop::file), std::pair("devices", FakeTop::device)})
        forks.push_back(
            {name,
             [wrap, top = top](Host& host) {
                 return wrap(host, std::unique_ptr<Storage>(std::make_unique<FakeLayeredStorage>(host, top)));
             },
             [wrap, top = top](Host& host) {
                 return wrap(host, std::unique_ptr<StorageFork>(std::make_unique<FakeLayeredFork>(host, top)));
             },
             "disk:fake"});
    return forks;
}

template <typename Wrap>
std::vector<StorageUnderTest> fake_storages(Wrap wrap)
{
    std::vector<StorageUnderTest> storages;
    for (auto& fork : fake_forks(wrap))
        storages.push_back({fork.name, std::move(fork.open_storage), fork.format, true});
    return storages;
}

}  // namespace banger::sdk::testing
