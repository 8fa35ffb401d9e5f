// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "banger/sdk/kvm_trial.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/vmm_process.hpp"
#include "qemu_vmm.hpp"
#include "qmp.hpp"
#include "tests/demanded_accelerator.hpp"

namespace banger::qemu {
namespace {

// Waits for ever without using the processor: cli; hlt; jmp to hlt.
constexpr std::string_view idle_code = "\xfa\xf4\xeb\xfd";

using ::testing::HasSubstr;

class BootTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        vmm = banger::tests::on_demanded_accelerator<sdk::Vmm>(
            host, [this](const std::string& config) { return make_vmm(host, config); });
        ASSERT_NE(vmm, nullptr);
        spec.owner = host.new_owner();
        spec.kernel = spec.owner.directory + "/kernel";
        spec.memory_mib = 32;
    }
    void TearDown() override { EXPECT_TRUE(vmm->release({"vmm/0", "qemu", "process", spec.owner, {}})); }
    void boot_code(std::string_view code) { ASSERT_TRUE(sdk::os::write_file_atomic(spec.kernel, sdk::bare_kernel(code))); }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
    std::unique_ptr<sdk::Vmm> vmm;
    sdk::BootSpec spec;
};

TEST_F(BootTest, WhatQemuSaidIsQuotedWhenItEnds)
{
    ASSERT_TRUE(sdk::os::write_file_atomic(spec.kernel, "this is no kernel"));
    const auto attached = vmm->attach(spec, call);
    ASSERT_FALSE(attached);
    EXPECT_THAT(attached.error().message, HasSubstr("QEMU ended: qemu"));
    EXPECT_TRUE(vmm->list()->empty());
    EXPECT_FALSE(sdk::os::exists(spec.owner.directory + "/" + sdk::api_socket_name));
}

TEST_F(BootTest, ADiskThatAnotherMachineWritesIsRefused)
{
    boot_code(idle_code);
    const std::string disk = host.directory() + "/shared.disk";
    ASSERT_TRUE(sdk::os::write_file_atomic(disk, std::string(1U << 20U, '\0')));
    spec.disks = {{"root", disk, "raw", false, 1U << 20U}};
    ASSERT_TRUE(vmm->attach(spec, call));
    auto second = spec;
    second.owner = host.new_owner();
    const auto attached = vmm->attach(second, call);
    ASSERT_FALSE(attached);
    EXPECT_THAT(attached.error().message, HasSubstr("lock"));
    EXPECT_EQ(vmm->list()->size(), 1U);
}

TEST_F(BootTest, MoreMemoryThanTheHostHasIsRefused)
{
    boot_code(idle_code);
    spec.memory_mib = 4U << 20U;
    const auto attached = vmm->attach(spec, call);
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().code, sdk::Code::invalid);
}

TEST_F(BootTest, ANetworkThatDoesNotAnswerIsRefused)
{
    boot_code(idle_code);
    spec.links = {{{"stream-socket", {{"path", spec.owner.directory + "/net.sock"}}}, "52:54:00:12:34:56", {}, {}, {}}};
    const auto attached = vmm->attach(spec, call);
    ASSERT_FALSE(attached);
    EXPECT_THAT(attached.error().message, HasSubstr("net.sock"));
    EXPECT_FALSE(sdk::os::exists(spec.owner.directory + "/" + sdk::api_socket_name));
}

TEST_F(BootTest, TheNetworkIsConnectedThroughAStreamSocket)
{
    boot_code(idle_code);
    const std::string path = spec.owner.directory + "/net.sock";
    auto network = sdk::os::listen_unix(path);
    ASSERT_TRUE(network);
    spec.links = {{{"stream-socket", {{"path", path}}}, "52:54:00:12:34:56", {}, {}, {}}};
    const auto attached = vmm->attach(spec, call);
    ASSERT_TRUE(attached) << attached.error().message;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    ASSERT_TRUE(sdk::os::wait_readable(network->get(), -1, deadline));
    const sdk::os::UniqueFd guest(::accept4(network->get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(guest);
    ASSERT_TRUE(vmm->release(attached->handle));
    ASSERT_TRUE(sdk::os::wait_readable(guest.get(), -1, deadline));
    char byte = 0;
    EXPECT_EQ(::read(guest.get(), &byte, 1), 0);  // held by QEMU alone: it ends with it
}

// Says "hi" on the serial port, then halts.
constexpr std::string_view greeter(
    "\xfa"              // cli
    "\x66\xba\xf8\x03"  // mov dx, 0x3f8
    "\xb0\x68\xee"      // mov al, 'h'; out dx, al
    "\xb0\x69\xee"      // mov al, 'i'; out dx, al
    "\xf4\xeb\xfd",     // hlt; jmp to hlt
    14);

std::string console_after(const std::string& path, std::size_t bytes)
{
    const sdk::os::UniqueFd watch(::inotify_init1(IN_CLOEXEC));
    EXPECT_GE(::inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY), 0);
    std::string text = sdk::os::read_file(path).value_or("");
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (text.size() < bytes) {
        if (!sdk::os::wait_readable(watch.get(), -1, deadline))
            break;
        char events[4096];
        (void)!::read(watch.get(), events, sizeof events);
        text = sdk::os::read_file(path).value_or("");
    }
    return text;
}

TEST_F(BootTest, TheConsoleKeepsWhatEarlierBootsSaid)
{
    boot_code(greeter);
    const std::string console = spec.owner.directory + "/console.log";
    for (const char* expected : {"hi", "hihi"}) {
        const auto attached = vmm->attach(spec, call);
        ASSERT_TRUE(attached) << attached.error().message;
        EXPECT_EQ(console_after(console, std::string(expected).size()), expected);
        ASSERT_TRUE(vmm->release(attached->handle));
    }
}

TEST_F(BootTest, QemuRunsInASandbox)
{
    boot_code(idle_code);
    const auto attached = vmm->attach(spec, call);
    ASSERT_TRUE(attached) << attached.error().message;
    const auto status = sdk::os::read_file("/proc/" + attached->handle.bound.at("pid") + "/status");
    ASSERT_TRUE(status);
    EXPECT_THAT(*status, HasSubstr("Seccomp:\t2"));  // filter mode, proc(5)
}

TEST_F(BootTest, TheApiSpeaksQmpToALaterDaemon)
{
    boot_code(idle_code);
    ASSERT_TRUE(vmm->attach(spec, call));
    const QmpLimits limits{std::chrono::steady_clock::now() + std::chrono::seconds(30), -1};
    for (int daemon = 0; daemon < 2; ++daemon) {
        auto socket = sdk::os::connect_unix(spec.owner.directory + "/" + sdk::api_socket_name);
        ASSERT_TRUE(socket) << socket.error().message;
        auto qmp = Qmp::open(std::move(*socket), limits);
        ASSERT_TRUE(qmp) << qmp.error().message;
        const auto status = qmp->execute("query-status", limits);
        ASSERT_TRUE(status) << status.error().message;
        EXPECT_THAT(*status, HasSubstr(R"("running":true)"));
        EXPECT_FALSE(qmp->execute("no-such-command", limits));
    }
}

TEST_F(BootTest, ADirectoryWithAVeryLongPathWorks)
{
    spec.owner.directory += "/" + std::string(120, 'd');
    ASSERT_TRUE(sdk::os::make_private_directory(spec.owner.directory));
    boot_code(idle_code);
    const auto attached = vmm->attach(spec, call);
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_TRUE(vmm->open_channel(attached->handle, call));
    EXPECT_TRUE(vmm->inspect(attached->handle)->present);
}

}  // namespace
}  // namespace banger::qemu
