// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/plugin.hpp"

#include "config.hpp"
#include "debian_image.hpp"
#include "debian_kernel.hpp"

namespace {

using Made = banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>>;

template <auto make>
Made create(banger::sdk::Host& /*host*/, const char* text)
{
    auto config = banger::debian::read_config(text);
    if (!config)
        return std::move(config).error();
    return std::unique_ptr<banger::sdk::Provider>(make(std::move(*config)));
}

constexpr banger::sdk::Capability capabilities[] = {
    {"image/0", "debian", create<banger::debian::make_image_source>},
    {"kernel/0", "debian", create<banger::debian::make_kernel_source>},
};

}  // namespace

BANGER_PLUGIN(capabilities)
