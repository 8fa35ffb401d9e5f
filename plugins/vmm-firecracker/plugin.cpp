// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/plugin.hpp"

#include "firecracker_snapshot.hpp"
#include "firecracker_vmm.hpp"

namespace {

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> create(banger::sdk::Host& host, const char* config)
{
    auto vmm = banger::firecracker::make_vmm(host, config);
    if (!vmm)
        return std::move(vmm).error();
    return std::unique_ptr<banger::sdk::Provider>(std::move(*vmm));
}

banger::sdk::Result<std::unique_ptr<banger::sdk::Provider>> create_snapshot(banger::sdk::Host& host, const char* config)
{
    auto snapshot = banger::firecracker::make_snapshot(host, config);
    if (!snapshot)
        return std::move(snapshot).error();
    return std::unique_ptr<banger::sdk::Provider>(std::move(*snapshot));
}

constexpr banger::sdk::Capability capabilities[] = {{"vmm/0", "firecracker", create},
                                                    {"vmm.snapshot/0", "firecracker", create_snapshot}};

}  // namespace

BANGER_PLUGIN(capabilities)
