// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "banger/sdk/plugin.hpp"

// As if it were made for a later SDK.
#undef BANGER_SDK_API_MINOR
#define BANGER_SDK_API_MINOR 99

namespace {

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> make(banger::sdk::Host&, const char*)
{
    return banger::sdk::make_error(banger::sdk::Code::internal, "a host that made this did not look");
}

constexpr banger::sdk::Capability capabilities[] = {{"storage/0", "wrong-api", make}};

}  // namespace

BANGER_PLUGIN(capabilities)
