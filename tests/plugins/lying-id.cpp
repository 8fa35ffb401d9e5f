// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "banger/sdk/plugin.hpp"

// As if somebody renamed it in the sidecar alone.
#undef BANGER_PLUGIN_ID
#define BANGER_PLUGIN_ID "somebody-else"

namespace {

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> make(banger::sdk::Host&, const char*)
{
    return banger::sdk::make_error(banger::sdk::Code::internal, "a host that made this did not look");
}

constexpr banger::sdk::Capability capabilities[] = {{"storage/0", "lying-id", make}};

}  // namespace

BANGER_PLUGIN(capabilities)
