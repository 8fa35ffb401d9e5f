// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/version.hpp"

// Marked as a plugin, but without a descriptor.
__attribute__((section("bangerv0"), used)) static const char mark[] =
    BANGER_PLUGIN_ID "\n" BANGER_SDK_API "\n" BANGER_SDK_CXX_ABI;
