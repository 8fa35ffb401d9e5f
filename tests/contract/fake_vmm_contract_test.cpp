// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/fake_vmm.hpp"
#include "banger/sdk/testing/fake_vmm_snapshot.hpp"
#include "banger/sdk/testing/vmm_contract.hpp"
#include "banger/sdk/testing/vmm_snapshot_contract.hpp"

namespace banger::sdk::testing {
namespace {

BootSpec one_disk(const FakeHost& host)
{
    BootSpec spec;
    spec.owner = host.new_owner();
    spec.memory_mib = 32;
    spec.disks = {Disk{"root", spec.owner.directory + "/root.disk", "raw", false, 4096}};
    const auto wrote = os::write_file_atomic(spec.disks[0].path, std::string(4096, '\0'));
    EXPECT_TRUE(wrote) << wrote.error().message;
    return spec;
}

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

std::uint64_t counted(const Owner& owner, std::uint64_t after)
{
    const auto now = the_world()->counted(owner.vm);
    return now > after ? now : 0;
}

Disk new_top(const BootSpec& spec, const Disk& disk)
{
    Disk top = disk;
    top.path = spec.owner.directory + "/top-" + FakeHost::random_hex(8);
    EXPECT_TRUE(os::write_file_atomic(top.path, ""));
    return top;
}

std::string writes_to(const Handle& machine, const std::string& role)
{
    return the_world()->writes_to(machine.owner.vm, role);
}

INSTANTIATE_TEST_SUITE_P(Fake, VmmContract, ::testing::Values(VmmUnderTest{"fake", open, one_disk}));
INSTANTIATE_TEST_SUITE_P(Fake, VmmSnapshotContract,
                         ::testing::Values(VmmSnapshotUnderTest{"fake", open, open_snapshot, one_disk, counted,
                                                                new_top, writes_to}));

}  // namespace
}  // namespace banger::sdk::testing
