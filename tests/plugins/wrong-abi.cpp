// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "banger/sdk/plugin.hpp"

// As if it were built in another mode.
#undef BANGER_SDK_CXX_ABI
#define BANGER_SDK_CXX_ABI "libstdc++;cxx11=0"

namespace {

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> make(banger::sdk::Host&, const char*)
{
    return banger::sdk::make_error(banger::sdk::Code::internal, "a host that made this did not look");
}

constexpr banger::sdk::Capability capabilities[] = {{"storage/0", "wrong-abi", make}};

}  // namespace

BANGER_PLUGIN(capabilities)
