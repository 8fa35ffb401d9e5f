// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "banger/sdk/plugin.hpp"

void a_function_that_nobody_defines();

namespace {

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> make(banger::sdk::Host&, const char*)
{
    a_function_that_nobody_defines();
    return banger::sdk::make_error(banger::sdk::Code::internal, "never reached");
}

constexpr banger::sdk::Capability capabilities[] = {{"storage/0", "unresolved", make}};

}  // namespace

BANGER_PLUGIN(capabilities)
