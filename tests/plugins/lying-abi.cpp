// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "banger/sdk/plugin.hpp"

namespace {

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> make(banger::sdk::Host&, const char*)
{
    return banger::sdk::make_error(banger::sdk::Code::internal, "a host that made this did not look");
}

constexpr banger::sdk::Capability capabilities[] = {{"storage/0", "lying-abi", make}};

// Its mark says one thing and its descriptor another.
const banger_plugin_descriptor descriptor{sizeof(banger_plugin_descriptor),
                                          BANGER_SDK_API_MAJOR,
                                          BANGER_SDK_API_MINOR,
                                          "libc++;abi=1",
                                          BANGER_PLUGIN_ID,
                                          BANGER_PLUGIN_VERSION,
                                          banger_plugin_config_schema,
                                          capabilities,
                                          1};

}  // namespace

extern "C" __attribute__((visibility("default"))) const banger_plugin_descriptor* const banger_plugin_v0;
const banger_plugin_descriptor* const banger_plugin_v0 = &descriptor;
__attribute__((section("bangerv0"), used)) static const char mark[] =
    BANGER_PLUGIN_ID "\n" BANGER_SDK_API "\n" BANGER_SDK_CXX_ABI;
