// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/vmm_contract.hpp"
#include "null_vmm.hpp"

namespace banger::sdk::testing {
namespace {

BootSpec one_disk(const FakeHost& host)
{
    BootSpec spec;
    spec.owner = host.new_owner();
    spec.vcpus = 1;
    spec.memory_mib = 32;
    spec.disks = {Disk{"root", spec.owner.directory + "/root.disk", "raw", false, 4096}};
    const auto wrote = os::write_file_atomic(spec.disks[0].path, std::string(4096, '\0'));
    EXPECT_TRUE(wrote) << wrote.error().message;
    return spec;
}

std::unique_ptr<Vmm> open(Host& host)
{
    auto vmm = null::make_vmm(host, "{}");
    EXPECT_TRUE(vmm) << vmm.error().message;
    return vmm ? std::move(*vmm) : nullptr;
}

INSTANTIATE_TEST_SUITE_P(Null, VmmContract, ::testing::Values(VmmUnderTest{"null", open, one_disk}));
INSTANTIATE_TEST_SUITE_P(Null, VmmProcessContract, ::testing::Values(VmmUnderTest{"null", open, one_disk}));

}  // namespace
}  // namespace banger::sdk::testing
