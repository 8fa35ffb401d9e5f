// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/plugin.hpp"

#include "oci_image.hpp"

namespace {

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> create(banger::sdk::Host& host, const char* config)
{
    auto made = banger::oci::make_image_source(host, config);
    if (!made)
        return std::move(made).error();
    return std::unique_ptr<banger::sdk::Provider>(std::move(*made));
}

constexpr banger::sdk::Capability capabilities[] = {{"image/0", "oci", create}};

}  // namespace

BANGER_PLUGIN(capabilities)
