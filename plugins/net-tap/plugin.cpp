// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/plugin.hpp"

#include "tap_names.hpp"
#include "tap_network.hpp"

namespace {

using banger::sdk::Host;
using Made = banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>>;

Made create_network(Host& host, const char* config)
{
    auto settings = banger::tap::read_config(config);
    if (!settings)
        return std::move(settings).error();
    return std::unique_ptr<banger::sdk::Provider>(banger::tap::make_network(host, std::move(*settings)));
}

Made create_names(Host& host, const char* config)
{
    auto settings = banger::tap::read_config(config);
    if (!settings)
        return std::move(settings).error();
    return std::unique_ptr<banger::sdk::Provider>(banger::tap::make_names(host, std::move(*settings)));
}

constexpr banger::sdk::Capability capabilities[] = {{"network/0", "tap", create_network},
                                                    {"network.names/0", "tap", create_names}};

}  // namespace

BANGER_PLUGIN(capabilities)
