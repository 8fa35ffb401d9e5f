// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "banger/sdk/plugin.hpp"

// As if its sidecar came from another build.
#undef BANGER_PLUGIN_VERSION
#define BANGER_PLUGIN_VERSION "9.9.9"

namespace {

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> make(banger::sdk::Host&, const char*)
{
    return banger::sdk::make_error(banger::sdk::Code::internal, "a host that made this did not look");
}

constexpr banger::sdk::Capability capabilities[] = {{"storage/0", "lying-version", make}};

}  // namespace

BANGER_PLUGIN(capabilities)
