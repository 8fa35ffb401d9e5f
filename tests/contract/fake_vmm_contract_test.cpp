// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/fake_vmm_snapshot.hpp"
#include "banger/sdk/testing/vmm_contract.hpp"
#include "fake_machines.hpp"

namespace banger::sdk::testing {
namespace {

// One world for the whole test program: machines outlive the providers that made them.
const std::shared_ptr<FakeVmmWorld>& the_world()
{
    static const auto world = std::make_shared<FakeVmmWorld>();
    return world;
}

std::unique_ptr<Vmm> open(Host& host)
{
    return std::make_unique<FakeVmm>(host, the_world());
}

std::unique_ptr<VmmSnapshot> open_snapshot(Host& host)
{
    return std::make_unique<FakeVmmSnapshot>(host, the_world());
}

INSTANTIATE_TEST_SUITE_P(Fake, VmmContract, ::testing::Values(VmmUnderTest{"fake", open, one_disk}));
INSTANTIATE_TEST_SUITE_P(Fake, VmmSnapshotContract,
                         ::testing::Values(machines_of("fake", the_world(), open, open_snapshot)));

}  // namespace
}  // namespace banger::sdk::testing
