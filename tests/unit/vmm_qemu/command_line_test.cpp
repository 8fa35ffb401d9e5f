// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

namespace banger::qemu {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

sdk::BootSpec small_guest()
{
    sdk::BootSpec spec;
    spec.owner = {"1a2b3c4d", "0123456789ab", "/vms/0123456789ab"};
    spec.kernel = "/kernels/vmlinux";
    spec.initramfs = "/kernels/initramfs";
    spec.command_line = "panic=-1";
    spec.vcpus = 2;
    spec.memory_mib = 1024;
    return spec;
}

sdk::Link link(const std::string& kind, sdk::Fields fields = {})
{
    return {{kind, std::move(fields)}, "52:54:00:12:34:56", "10.0.2.15/24", "10.0.2.2", {}};
}

std::string value_after(const std::vector<std::string>& argv, const std::string& option)
{
    const auto found = std::find(argv.begin(), argv.end(), option);
    return found == argv.end() || found + 1 == argv.end() ? "" : *(found + 1);
}

TEST(CommandLine, WholeGuest)
{
    auto spec = small_guest();
    spec.disks = {{"root", "/vms/0123456789ab/root.disk", "qcow2", false, 1U << 30U},
                  {"modules", "/kernels/a,b/modules.disk", "raw", true, 1U << 20U}};
    spec.links = {link("stream-socket", {{"path", "/vms/0123456789ab/net.sock"}})};
    ASSERT_TRUE(check(spec));
    // clang-format off
    EXPECT_THAT(
        command_line(spec, {"/usr/bin/qemu-system-x86_64", Accelerator::tcg, 512, {false, false}}),
        ElementsAre(
            "/usr/bin/qemu-system-x86_64",
            "-name", "banger-1a2b3c4d-0123456789ab,process=vm-0123456789ab",
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            "-machine", "q35,sata=off,usb=off,smbus=off,i8042=off,vmport=off,hpet=off,dump-guest-core=off",
            "-accel", "tcg,thread=multi,tb-size=512",
            "-cpu", "max,-erms",
            "-smp", "2",
            "-m", "1024",
            "-kernel", "/kernels/vmlinux",
            "-initrd", "/kernels/initramfs",
            "-append", "panic=-1 no_timer_check console=ttyS0",
            "-chardev", "socket,id=api,fd=3,server=on,wait=off", "-mon", "chardev=api,mode=control",
            "-chardev", "file,id=console,path=console.log,append=on", "-serial", "chardev:console",
            "-blockdev",
            R"({"driver":"qcow2","node-name":"root","read-only":false,"discard":"unmap",)"
            R"("cache":{"direct":false,"no-flush":false},"file":{"driver":"file","node-name":"root.file",)"
            R"("filename":"/vms/0123456789ab/root.disk","aio":"threads","discard":"unmap",)"
            R"("cache":{"direct":false,"no-flush":false}}})",
            "-device", "virtio-blk-pci,id=root,drive=root,serial=root",
            "-blockdev",
            R"({"driver":"raw","node-name":"modules","read-only":true,"discard":"unmap",)"
            R"("cache":{"direct":false,"no-flush":false},"file":{"driver":"file","node-name":"modules.file",)"
            R"("filename":"/kernels/a,b/modules.disk","aio":"threads","discard":"unmap",)"
            R"("cache":{"direct":false,"no-flush":false}}})",
            "-device", "virtio-blk-pci,id=modules,drive=modules,serial=modules",
            "-netdev", "stream,id=link0,server=off,addr.type=fd,addr.str=5",
            "-device", "virtio-net-pci,netdev=link0,mac=52:54:00:12:34:56,romfile=",
            "-device", "virtio-serial-pci",
            "-chardev", "socket,id=agent,fd=4,server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=banger.agent",
            "-device", "virtio-rng-pci"));
    // clang-format on
}

TEST(CommandLine, HardwareVirtualisationTakesTheHostsProcessor)
{
    const auto argv = command_line(small_guest(), {"qemu", Accelerator::kvm, 512, {}});
    EXPECT_EQ(value_after(argv, "-accel"), "kvm");
    EXPECT_EQ(value_after(argv, "-cpu"), "host");
}

TEST(CommandLine, FlushesAreIgnoredOnlyForAVmThatNobodyKeeps)
{
    auto spec = small_guest();
    spec.disks = {{"root", "/root.disk", "raw", false, 4096}};
    EXPECT_THAT(value_after(command_line(spec, {"qemu", Accelerator::tcg, 64, {false}}), "-blockdev"),
                Not(HasSubstr(R"("no-flush":true)")));
    spec.discardable = true;
    EXPECT_THAT(value_after(command_line(spec, {"qemu", Accelerator::tcg, 64, {false}}), "-blockdev"),
                Not(HasSubstr(R"("no-flush":false)")));
}

TEST(CommandLine, ABlockDeviceIsOpenedAsOne)
{
    auto spec = small_guest();
    spec.disks = {{"root", "/dev/mapper/x", "raw", false, 4096}};
    EXPECT_THAT(value_after(command_line(spec, {"qemu", Accelerator::tcg, 64, {true}}), "-blockdev"),
                HasSubstr(R"("driver":"host_device")"));
}

TEST(CommandLine, EveryKindOfLink)
{
    auto spec = small_guest();
    spec.links = {link("none"), link("tap", {{"name", "bgr0"}}), link("user-restricted"),
                  link("stream-socket", {{"path", "/a"}}), link("stream-socket", {{"path", "/b"}})};
    ASSERT_TRUE(check(spec));
    const auto argv = command_line(spec, {"qemu", Accelerator::tcg, 64, {}});
    EXPECT_THAT(argv, Contains("tap,id=link0,ifname=bgr0,script=no,downscript=no"));
    EXPECT_THAT(argv, Contains("user,id=link1,restrict=on"));
    EXPECT_THAT(argv, Contains("stream,id=link2,server=off,addr.type=fd,addr.str=5"));
    EXPECT_THAT(argv, Contains("stream,id=link3,server=off,addr.type=fd,addr.str=6"));
    EXPECT_EQ(std::count(argv.begin(), argv.end(), "-netdev"), 4);
}

TEST(CommandLine, WithoutInitramfsOrCommandLine)
{
    auto spec = small_guest();
    spec.initramfs.clear();
    spec.command_line.clear();
    const auto argv = command_line(spec, {"qemu", Accelerator::tcg, 64, {}});
    EXPECT_THAT(argv, Not(Contains("-initrd")));
    EXPECT_EQ(value_after(argv, "-append"), "no_timer_check console=ttyS0");
}

TEST(Check, RefusesWhatCannotBe)
{
    const auto refused = [](const std::function<void(sdk::BootSpec&)>& spoil) {
        auto spec = small_guest();
        spoil(spec);
        const auto checked = check(spec);
        return checked ? sdk::Code::internal : checked.error().code;
    };
    using sdk::BootSpec;
    const sdk::Disk disk{"root", "/root.disk", "raw", false, 4096};
    EXPECT_EQ(refused([](BootSpec& spec) { spec.vcpus = 0; }), sdk::Code::invalid);
    EXPECT_EQ(refused([](BootSpec& spec) { spec.vcpus = 256; }), sdk::Code::invalid);
    EXPECT_EQ(refused([](BootSpec& spec) { spec.memory_mib = 0; }), sdk::Code::invalid);
    EXPECT_EQ(refused([](BootSpec& spec) { spec.memory_mib = ~0ULL; }), sdk::Code::invalid);
    EXPECT_EQ(refused([](BootSpec& spec) { spec.owner.vm = "x,-snapshot"; }), sdk::Code::invalid);
    EXPECT_EQ(refused([](BootSpec& spec) { spec.owner.directory = "relative"; }), sdk::Code::invalid);
    EXPECT_EQ(refused([&](BootSpec& spec) { spec.disks = {disk, disk}; }), sdk::Code::invalid);
    EXPECT_EQ(refused([&](BootSpec& spec) { spec.disks.assign(30, disk); }), sdk::Code::invalid);
    EXPECT_EQ(refused([&](BootSpec& spec) {
                  spec.disks = {disk};
                  spec.disks[0].role = "a,b";
              }),
              sdk::Code::invalid);
    EXPECT_EQ(refused([&](BootSpec& spec) {
                  spec.disks = {disk};
                  spec.disks[0].path = "relative";
              }),
              sdk::Code::invalid);
    EXPECT_EQ(refused([&](BootSpec& spec) {
                  spec.disks = {disk};
                  spec.disks[0].format = "vmdk";
              }),
              sdk::Code::unsupported);
    EXPECT_EQ(refused([](BootSpec& spec) { spec.links = {link("descriptor")}; }), sdk::Code::unsupported);
    EXPECT_EQ(refused([](BootSpec& spec) { spec.links = {link("stream-socket")}; }), sdk::Code::invalid);
    EXPECT_EQ(refused([](BootSpec& spec) { spec.links = {link("tap", {{"name", "a,b"}})}; }), sdk::Code::invalid);
    EXPECT_EQ(refused([](BootSpec& spec) {
                  spec.links = {link("tap", {{"name", "longer-than-ifnamsiz"}})};
              }),
              sdk::Code::invalid);
    EXPECT_EQ(refused([](BootSpec& spec) {
                  spec.links = {link("user-restricted")};
                  spec.links[0].mac = "52:54:00:12:34:56,x=y";
              }),
              sdk::Code::invalid);
}

}  // namespace
}  // namespace banger::qemu
