// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/fake_vmm.hpp"
#include "banger/sdk/testing/vmm_contract.hpp"

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
std::unique_ptr<Vmm> open(Host& host)
{
    static const auto world = std::make_shared<FakeVmmWorld>();
    return std::make_unique<FakeVmm>(host, world);
}

INSTANTIATE_TEST_SUITE_P(Fake, VmmContract, ::testing::Values(VmmUnderTest{"fake", open, one_disk}));

}  // namespace
}  // namespace banger::sdk::testing
