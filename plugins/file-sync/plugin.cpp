// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/plugin.hpp"

#include "file_sync.hpp"
#include "git_identity.hpp"
#include "home.hpp"

namespace {

using Made = banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>>;

template <auto make>
Made create(banger::sdk::Host& /*host*/, const char* text)
{
    auto config = banger::file_sync::read_config(text);
    if (!config)
        return std::move(config).error();
    return std::unique_ptr<banger::sdk::Provider>(make(std::move(*config), banger::file_sync::home_directory()));
}

constexpr banger::sdk::Capability capabilities[] = {
    {"provision/0", "file-sync", create<banger::file_sync::make_file_sync>},
    {"provision/0", "git-identity", create<banger::file_sync::make_git_identity>},
};

}  // namespace

BANGER_PLUGIN(capabilities)
