// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/vmm_contract.hpp"
#include "firecracker_vmm.hpp"
#include "qemu_machines.hpp"

namespace banger::sdk::testing {
namespace {

std::unique_ptr<Vmm> open(Host& host)
{
    auto vmm = firecracker::make_vmm(host, "{}");
    return vmm ? std::move(*vmm) : nullptr;
}

// A kernel that only halts, without a network.
BootSpec idle(const FakeHost& host)
{
    auto spec = idle_guest(host);
    spec.links = {Link{{"none", {}}, {}, {}, {}, {}}};
    return spec;
}

// Looked at once: a trial takes a second of a test host that is emulated itself.
const Probe& probe_here()
{
    static const Probe probe = [] {
        FakeHost host;
        FakeCall call;
        return open(host)->probe(call).value_or({});
    }();
    return probe;
}

std::vector<VmmUnderTest> providers()
{
    if (!probe_here().usable)
        return {};
    return {VmmUnderTest{"firecracker", open, idle}};
}

INSTANTIATE_TEST_SUITE_P(Firecracker, VmmContract, ::testing::ValuesIn(providers()));
INSTANTIATE_TEST_SUITE_P(Firecracker, VmmProcessContract, ::testing::ValuesIn(providers()));
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(VmmContract);

TEST(FirecrackerContract, RunsWhereFirecrackerDoes)
{
    if (!probe_here().usable)
        GTEST_SKIP() << "firecracker: " << probe_here().reason;
}

}  // namespace
}  // namespace banger::sdk::testing
