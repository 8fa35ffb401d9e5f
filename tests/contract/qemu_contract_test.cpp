// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/vmm_contract.hpp"
#include "banger/sdk/testing/vmm_snapshot_contract.hpp"
#include "qemu_machines.hpp"
#include "qemu_snapshot.hpp"
#include "qemu_vmm.hpp"

namespace banger::sdk::testing {
namespace {

std::unique_ptr<Vmm> open(Host& host)
{
    auto vmm = qemu::make_vmm(host, "{}");
    EXPECT_TRUE(vmm) << vmm.error().message;
    return vmm ? std::move(*vmm) : nullptr;
}

std::unique_ptr<VmmSnapshot> open_snapshot(Host& host)
{
    auto snapshot = qemu::make_snapshot(host, "{}");
    EXPECT_TRUE(snapshot) << snapshot.error().message;
    return snapshot ? std::move(*snapshot) : nullptr;
}

INSTANTIATE_TEST_SUITE_P(Qemu, VmmContract, ::testing::Values(VmmUnderTest{"qemu", open, idle_guest}));
INSTANTIATE_TEST_SUITE_P(Qemu, VmmProcessContract, ::testing::Values(VmmUnderTest{"qemu", open, idle_guest}));
INSTANTIATE_TEST_SUITE_P(Qemu, VmmSnapshotContract,
                         ::testing::Values(VmmSnapshotUnderTest{"qemu", open, open_snapshot, counting_guest, counted,
                                                                new_top, writes, reads, holds}));

}  // namespace
}  // namespace banger::sdk::testing
