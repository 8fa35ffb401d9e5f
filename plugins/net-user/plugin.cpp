// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/plugin.hpp"

#include "user_network.hpp"

namespace {

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> create(banger::sdk::Host& host, const char* config)
{
    auto network = banger::user::make_network(host, config);
    if (!network)
        return std::move(network).error();
    return std::unique_ptr<banger::sdk::Provider>(std::move(*network));
}

constexpr banger::sdk::Capability capabilities[] = {{"network/0", "user", create}};

}  // namespace

BANGER_PLUGIN(capabilities)
