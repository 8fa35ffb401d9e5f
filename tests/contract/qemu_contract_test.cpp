// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/vmm_contract.hpp"
#include "pvh_image.hpp"
#include "qemu_vmm.hpp"

namespace banger::sdk::testing {
namespace {

std::string write(const std::string& path, const std::string& content)
{
    const auto wrote = os::write_file_atomic(path, content);
    EXPECT_TRUE(wrote) << wrote.error().message;
    return path;
}

// A real QEMU, whose kernel does nothing but halt: the contract is about the process, and any guest will do.
BootSpec idle_guest(const FakeHost& host)
{
    BootSpec spec;
    spec.owner = host.new_owner();
    spec.kernel = write(spec.owner.directory + "/kernel", qemu::pvh_image(qemu::idle_code));
    spec.initramfs = write(spec.owner.directory + "/initramfs", std::string(4096, '\0'));
    spec.command_line = "quiet";
    spec.vcpus = 1;
    spec.memory_mib = 32;
    const std::string root = write(spec.owner.directory + "/root, with a comma.disk", std::string(1U << 20U, '\0'));
    const std::string shared = write(host.directory() + "/shared.disk", std::string(1U << 20U, '\0'));
    spec.disks = {Disk{"root", root, "raw", false, 1U << 20U}, Disk{"modules", shared, "raw", true, 1U << 20U}};
    spec.links = {Link{{"user-restricted", {}}, "52:54:00:12:34:56", {}, {}, {}}};
    return spec;
}

std::unique_ptr<Vmm> open(Host& host)
{
    auto vmm = qemu::make_vmm(host, "{}");
    EXPECT_TRUE(vmm) << vmm.error().message;
    return vmm ? std::move(*vmm) : nullptr;
}

INSTANTIATE_TEST_SUITE_P(Qemu, VmmContract, ::testing::Values(VmmUnderTest{"qemu", open, idle_guest}));
INSTANTIATE_TEST_SUITE_P(Qemu, VmmProcessContract, ::testing::Values(VmmUnderTest{"qemu", open, idle_guest}));

}  // namespace
}  // namespace banger::sdk::testing
