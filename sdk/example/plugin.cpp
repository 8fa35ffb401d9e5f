// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/plugin.hpp"

#include "motd.hpp"

namespace {

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> create(banger::sdk::Host& /*host*/, const char* /*config*/)
{
    return std::unique_ptr<banger::sdk::Provider>(std::make_unique<Motd>());
}

constexpr banger::sdk::Capability capabilities[] = {{"provision/0", "motd", create}};

}  // namespace

BANGER_PLUGIN(capabilities)
