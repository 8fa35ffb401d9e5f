// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/plugin.hpp"

#include "catalog_image.hpp"
#include "catalog_kernel.hpp"
#include "options.hpp"

namespace {

using Made = banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>>;

template <auto make>
Made create(banger::sdk::Host& host, const char* text)
{
    auto options = banger::catalog::read_options(text, host.cache_directory());
    if (!options)
        return std::move(options).error();
    return std::unique_ptr<banger::sdk::Provider>(make(std::move(*options)));
}

constexpr banger::sdk::Capability capabilities[] = {
    {"image/0", "catalog", create<banger::catalog::make_image_source>},
    {"kernel/0", "catalog", create<banger::catalog::make_kernel_source>},
};

}  // namespace

BANGER_PLUGIN(capabilities)
