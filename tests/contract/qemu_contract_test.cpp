// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/vmm_contract.hpp"
#include "banger/sdk/testing/vmm_snapshot_contract.hpp"
#include "qemu_machines.hpp"
#include "qemu_snapshot.hpp"
#include "qemu_vmm.hpp"
#include "tests/demanded_accelerator.hpp"

namespace banger::sdk::testing {
namespace {

std::unique_ptr<Vmm> open(Host& host)
{
    return banger::tests::on_demanded_accelerator<Vmm>(
        host, [&](const std::string& config) { return qemu::make_vmm(host, config); });
}

std::unique_ptr<VmmSnapshot> open_snapshot(Host& host)
{
    return banger::tests::on_demanded_accelerator<VmmSnapshot>(
        host, [&](const std::string& config) { return qemu::make_snapshot(host, config); });
}

INSTANTIATE_TEST_SUITE_P(Qemu, VmmContract, ::testing::Values(VmmUnderTest{"qemu", open, idle_guest}));
INSTANTIATE_TEST_SUITE_P(Qemu, VmmProcessContract, ::testing::Values(VmmUnderTest{"qemu", open, idle_guest}));
INSTANTIATE_TEST_SUITE_P(Qemu, VmmSnapshotContract,
                         ::testing::Values(VmmSnapshotUnderTest{"qemu", open, open_snapshot, counting_guest, counted,
                                                                new_top, writes, reads, holds}));

}  // namespace
}  // namespace banger::sdk::testing
