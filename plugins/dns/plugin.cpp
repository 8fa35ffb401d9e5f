// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/plugin.hpp"

#include "dns_names.hpp"

namespace {

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> create(banger::sdk::Host& host, const char* config)
{
    auto settings = banger::dns::read_config(config);
    if (!settings)
        return std::move(settings).error();
    auto names = banger::dns::make_names(host, *settings);
    if (!names)
        return std::move(names).error();
    return std::unique_ptr<banger::sdk::Provider>(std::move(*names));
}

constexpr banger::sdk::Capability capabilities[] = {{"dns/0", "dns", create}};

}  // namespace

BANGER_PLUGIN(capabilities)
