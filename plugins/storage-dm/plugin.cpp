// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/plugin.hpp"

#include "dm_fork.hpp"
#include "dm_storage.hpp"

namespace {

using banger::sdk::Provider;
using banger::sdk::Result;

Result<std::unique_ptr<Provider>> create(banger::sdk::Host& host, const char* config)
{
    auto settings = banger::dm::read_config(config);
    if (!settings)
        return std::move(settings).error();
    return std::unique_ptr<Provider>(banger::dm::make_storage(host, *settings));
}

Result<std::unique_ptr<Provider>> create_fork(banger::sdk::Host& host, const char* config)
{
    auto settings = banger::dm::read_config(config);
    if (!settings)
        return std::move(settings).error();
    return std::unique_ptr<Provider>(banger::dm::make_storage_fork(host, *settings));
}

constexpr banger::sdk::Capability capabilities[] = {{"storage/0", "dm", create}, {"storage.fork/0", "dm", create_fork}};

}  // namespace

BANGER_PLUGIN(capabilities)
