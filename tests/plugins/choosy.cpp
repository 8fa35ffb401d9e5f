// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A VMM that `auto` comes to first, and that opens raw disks and taps only.
#include <memory>

#include "banger/sdk/plugin.hpp"
#include "banger/sdk/testing/fake_vmm.hpp"

namespace {

using namespace banger::sdk;

class ChoosyVmm final : public testing::FakeVmm {
public:
    using FakeVmm::FakeVmm;
    Result<Probe> probe(Call& call) override
    {
        auto probe = FakeVmm::probe(call);
        if (probe)
            probe->accepts = {"disk:raw", "link:tap", "link:none"};
        return probe;
    }
};

Result<std::unique_ptr<Provider>> make_vmm(Host& host, const char*)
{
    return std::unique_ptr<Provider>(std::make_unique<ChoosyVmm>(host, std::make_shared<testing::FakeVmmWorld>()));
}

constexpr Capability capabilities[] = {{"vmm/0", "choosy", make_vmm}};

}  // namespace

BANGER_PLUGIN(capabilities)
