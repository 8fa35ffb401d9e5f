// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What the plugin's configuration says of a machine's devices, with a guest that uses them.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <optional>
#include <sstream>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "firecracker_machines.hpp"
#include "firecracker_vmm.hpp"
#include "installation.hpp"

namespace banger::sdk::testing {
namespace {

using mailbox::Verb;
using Clock = std::chrono::steady_clock;
namespace machines = on_firecracker;

constexpr std::chrono::minutes patience{1};  // as long as a busy host may take

class FirecrackerDevices : public ::testing::Test {
protected:
    void SetUp() override
    {
        auto opened = firecracker::make_vmm(host, "{}");
        ASSERT_TRUE(opened) << opened.error().message;
        probe = (*opened)->probe(call).value_or({});
        if (!probe.usable)
            GTEST_SKIP() << "firecracker: " << probe.reason;
    }
    void TearDown() override { stop(); }

    void start(const std::string& config, const BootSpec& spec)
    {
        stop();
        auto opened = firecracker::make_vmm(host, config);
        ASSERT_TRUE(opened) << opened.error().message;
        vmm = std::move(*opened);
        auto attached = vmm->attach(spec, call);
        ASSERT_TRUE(attached) << attached.error().message;
        machine = attached->handle;
        ASSERT_NE(machines::counted(machine->owner, 0, patience), 0U) << "the guest does not begin";
    }
    void stop()
    {
        if (!machine)
            return;
        const auto released = vmm->release(*machine);
        EXPECT_TRUE(released) << released.error().message;
        machine.reset();
    }

    FakeHost host;
    FakeCall call;
    Probe probe;
    std::unique_ptr<Vmm> vmm;
    std::optional<Handle> machine;
};

// Each number takes the guest two requests to its mailbox; ten a second and ten at once are allowed.
TEST_F(FirecrackerDevices, DisksAreNoFasterThanTheConfigurationSays)
{
    start(R"({"disk_operations_per_second":10})", machines::counting_guest(host));
    ASSERT_TRUE(machine);
    const auto first = machines::counted(machine->owner, 0, patience);
    const auto began = Clock::now();
    EXPECT_NE(machines::counted(machine->owner, first + 20, patience), 0U);
    EXPECT_GT(Clock::now() - began, std::chrono::milliseconds(2500));
}

// A network namespace with a tap, and something that sends frames to whoever has the tap.
class FirecrackerNetwork : public FirecrackerDevices {
protected:
    static constexpr const char* tap = "traffic0";
    static constexpr std::uint64_t frames = 100;

    void SetUp() override
    {
        FirecrackerDevices::SetUp();
        if (IsSkipped())
            return;
        // Processes that this thread starts are in there, too.
        if (::unshare(CLONE_NEWNET) != 0)
            GTEST_SKIP() << "no network namespace of its own: " << std::strerror(errno);
        ip({"tuntap", "add", tap, "mode", "tap"});
        ip({"link", "set", tap, "up"});
    }
    static void ip(std::vector<std::string> arguments)
    {
        arguments.insert(arguments.begin(), "ip");
        os::Command command;
        command.argv = std::move(arguments);
        const auto done = os::run_checked(command);
        ASSERT_TRUE(done) << done.error().message;
    }
    // Until the end of `while_sent`, a frame each millisecond.
    static void send_to_guest_while(const std::function<void()>& while_sent)
    {
        const os::UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
        sockaddr_ll to{};
        to.sll_family = AF_PACKET;
        to.sll_ifindex = static_cast<int>(::if_nametoindex(tap));
        to.sll_halen = ETH_ALEN;
        std::array<unsigned char, ETH_FRAME_LEN> frame{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
        std::atomic<bool> over = false;
        std::thread sender([&] {
            while (!over) {
                (void)::sendto(socket.get(), frame.data(), frame.size(), MSG_DONTWAIT,
                               reinterpret_cast<const sockaddr*>(&to), sizeof to);
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        });
        while_sent();
        over = true;
        sender.join();
    }
    struct Took {
        std::chrono::nanoseconds out;
        std::chrono::nanoseconds in;
    };
    // Of so many frames, out of the guest and into it.
    Took time_traffic(const std::string& config)
    {
        auto spec = machines::counting_guest(host);
        spec.links = {{{"tap", {{"name", tap}}}, "02:00:00:00:00:01", {}, {}, {}}};
        start(config, spec);
        if (!machine)
            return {};
        const auto time_until = [&](std::uint64_t mailbox::Answer::*counter) {
            const auto began = Clock::now();
            EXPECT_TRUE(machines::wait_to_hear(
                machine->owner, patience, [&](const mailbox::Answer& answer) { return answer.*counter >= frames; }));
            return Clock::now() - began;
        };
        Took took{};
        EXPECT_TRUE(machines::ask(machine->owner, Verb::send)) << "the guest finds no network device";
        took.out = time_until(&mailbox::Answer::sent);
        send_to_guest_while([&] { took.in = time_until(&mailbox::Answer::received); });
        return took;
    }
};

// Twenty a second and twenty at once are allowed, so that the others take four seconds.
TEST_F(FirecrackerNetwork, NetworksAreNoFasterThanTheConfigurationSays)
{
    const auto limited = time_traffic(R"({"network_packets_per_second":20})");
    EXPECT_GT(limited.out, std::chrono::seconds(3));
    EXPECT_GT(limited.in, std::chrono::seconds(3));
    const auto free = time_traffic("{}");
    EXPECT_LT(free.out, limited.out / 2);
    EXPECT_LT(free.in, limited.in / 2);
}

class FirecrackerBalloon : public FirecrackerDevices {
protected:
    [[nodiscard]] BootSpec guest() const
    {
        auto spec = machines::counting_guest(host);
        spec.memory_mib = ((mailbox::spare_memory + mailbox::spare_bytes) >> 20U) + 16;
        return spec;
    }
    // proc(5), statm. Of the VMM: its guest's memory is its own.
    [[nodiscard]] std::uint64_t resident_bytes() const
    {
        std::istringstream pages(os::read_file("/proc/" + machine->bound.at("pid") + "/statm").value_or(""));
        std::uint64_t all = 0;
        std::uint64_t resident = 0;
        pages >> all >> resident;
        return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    }
    static constexpr std::uint64_t most_of_it = mailbox::spare_bytes / 4 * 3;
};

TEST_F(FirecrackerBalloon, WhatTheGuestReportsFreeIsTheHostsAgain)
{
    if (firecracker::Version::from(probe.facts["version"]) < firecracker::Version{1, 14, 0})
        GTEST_SKIP() << "firecracker: " << probe.facts["version"] << " takes no reports of free memory; 1.14 and newer do";
    start(R"({"free_page_reporting":true})", guest());
    ASSERT_TRUE(machine);
    const auto before = resident_bytes();
    ASSERT_TRUE(machines::ask(machine->owner, Verb::touch));
    const auto touched = resident_bytes();
    EXPECT_GT(touched, before + most_of_it);
    ASSERT_TRUE(machines::ask(machine->owner, Verb::report));
    EXPECT_LT(resident_bytes(), touched - most_of_it);
    // And it can be used again.
    ASSERT_TRUE(machines::ask(machine->owner, Verb::touch));
    EXPECT_GT(resident_bytes(), before + most_of_it);
}

TEST_F(FirecrackerBalloon, NoReportsAreTakenUnlessTheConfigurationSaysSo)
{
    start("{}", guest());
    ASSERT_TRUE(machine);
    ASSERT_TRUE(machines::ask(machine->owner, Verb::touch)) << "the guest does not have all of its memory";
    const auto touched = resident_bytes();
    EXPECT_FALSE(machines::ask(machine->owner, Verb::report));
    EXPECT_GT(resident_bytes(), touched - mailbox::spare_bytes / 4);
}

}  // namespace
}  // namespace banger::sdk::testing
