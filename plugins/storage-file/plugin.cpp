// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/plugin.hpp"

#include "file_fork.hpp"
#include "file_storage.hpp"

namespace {

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> create(banger::sdk::Host& host, const char* /*config*/)
{
    return std::unique_ptr<banger::sdk::Provider>(banger::file::make_storage(host));
}

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> create_fork(banger::sdk::Host& host, const char* /*config*/)
{
    return std::unique_ptr<banger::sdk::Provider>(banger::file::make_storage_fork(host));
}

constexpr banger::sdk::Capability capabilities[] = {{"storage/0", "file", create},
                                                    {"storage.fork/0", "file", create_fork}};

}  // namespace

BANGER_PLUGIN(capabilities)
