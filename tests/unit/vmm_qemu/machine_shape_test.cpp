// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "machine_shape.hpp"

#include <gtest/gtest.h>

#include "command_line.hpp"

namespace banger::qemu {
namespace {

using sdk::MachineShape;
using sdk::must_fit;
using sdk::shape_from_text;
using sdk::to_text;

sdk::BootSpec guest()
{
    sdk::BootSpec spec;
    spec.owner = {"1a2b3c4d", "0123456789ab", "/vms/0123456789ab"};
    spec.kernel = "/kernels/vmlinux";
    spec.vcpus = 2;
    spec.memory_mib = 512;
    spec.disks = {{"root", "/vms/0123456789ab/root.qcow2", "qcow2", false, 4096},
                  {"modules", "/kernels/a,b/modules.disk", "raw", true, 4096}};
    spec.links = {{{"stream-socket", {{"path", "/vms/0123456789ab/net.sock"}}}, "52:54:00:12:34:56", {}, {}, {}}};
    return spec;
}

MachineShape shape(const sdk::BootSpec& spec, Accelerator accelerator = Accelerator::tcg)
{
    Launch launch;
    launch.accelerator = accelerator;
    return shape_of(command_line(spec, launch), "a processor");
}

std::string what(const MachineShape& shape, const std::string& name)
{
    for (const auto& [fact, value] : shape)
        if (fact == name)
            return value;
    return "nothing";
}

TEST(MachineShapeTest, SaysWhatAStateDependsOn)
{
    const auto emulated = shape(guest());
    EXPECT_EQ(what(emulated, "accelerator"), "tcg");
    EXPECT_EQ(what(emulated, "processor"), "max,-erms");
    EXPECT_EQ(what(emulated, "processors"), "2");
    EXPECT_EQ(what(emulated, "memory"), "512 MiB");
    EXPECT_EQ(what(emulated, "devices"),
              "virtio-blk-pci=root, virtio-blk-pci=modules (read-only), virtio-net-pci=stream, virtio-serial-pci, "
              "virtserialport, virtio-rng-pci");
    EXPECT_EQ(what(shape(guest(), Accelerator::kvm), "processor"), "a processor");
}

TEST(MachineShapeTest, WhatIsAMachinesOwnDoesNotCount)
{
    auto other = guest();
    other.owner = {"1a2b3c4d", "ba9876543210", "/vms/ba9876543210"};
    other.disks[0].path = "/vms/ba9876543210/root.3.qcow2";
    other.disks[0].bytes *= 2;
    other.links[0].mac = "52:54:00:65:43:21";
    other.links[0].attachment.fields["path"] = "/vms/ba9876543210/net.sock";
    other.kernel = "/elsewhere/vmlinux";
    other.command_line = "banger.token=other";
    EXPECT_TRUE(must_fit(shape(guest()), shape(other)));
}

TEST(MachineShapeTest, TheOrderOfDisksAndTheKindOfALinkCount)
{
    auto other = guest();
    std::swap(other.disks[0], other.disks[1]);
    EXPECT_FALSE(must_fit(shape(guest()), shape(other)));
    other = guest();
    other.links[0].attachment = {"tap", {{"name", "tap0"}}};
    const auto fits = must_fit(shape(guest()), shape(other));
    ASSERT_FALSE(fits);
    EXPECT_EQ(fits.error().code, sdk::Code::precondition);
    EXPECT_NE(fits.error().message.find("virtio-net-pci=tap"), std::string::npos) << fits.error().message;
    other = guest();
    other.disks[1].read_only = false;
    EXPECT_FALSE(must_fit(shape(guest()), shape(other)));
}

TEST(MachineShapeTest, SurvivesBeingWrittenDown)
{
    const auto read = shape_from_text(to_text(shape(guest())));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, shape(guest()));
    EXPECT_FALSE(must_fit(*read, {}));
    EXPECT_FALSE(must_fit({}, *read));
    EXPECT_FALSE(shape_from_text("no fact"));
}

}  // namespace
}  // namespace banger::qemu
