// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "banger/sdk/plugin.hpp"

namespace {

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> make(banger::sdk::Host&, const char*)
{
    return banger::sdk::make_error(banger::sdk::Code::internal, "a host that made this did not look");
}

constexpr banger::sdk::Capability capabilities[] = {{"storage/0", "another-name", make}};

}  // namespace

BANGER_PLUGIN(capabilities)
