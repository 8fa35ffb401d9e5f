// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "user_network.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/testing/frame_peer.hpp"
#include "link_process.hpp"

namespace banger::user {
namespace {

using sdk::Code;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
namespace os = sdk::os;

class UserNetworkTest : public ::testing::Test {
protected:
    void TearDown() override
    {
        const auto handles = network->list();
        ASSERT_TRUE(handles);
        for (const auto& handle : *handles)
            EXPECT_TRUE(network->release(handle));
    }
    std::unique_ptr<sdk::Network> open(const char* config)
    {
        auto made = make_network(host, config);
        EXPECT_TRUE(made) << made.error().message;
        return made ? std::move(*made) : nullptr;
    }
    sdk::LinkSpec new_spec() { return {host.new_owner(), sdk::Egress::internet, "link:stream-socket"}; }
    std::vector<os::ProcessId> processes_of(const sdk::Owner& owner)
    {
        const auto name = link_name(owner);
        auto found = os::find_processes([&](const std::vector<std::string>& arguments) {
            return std::find(arguments.begin(), arguments.end(), name) != arguments.end();
        });
        EXPECT_TRUE(found) << found.error().message;
        return found.value_or({});
    }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
    std::unique_ptr<sdk::Network> network = open("{}");
};

TEST_F(UserNetworkTest, TheHardwareAddressIsAFixedHash)
{
    EXPECT_EQ(sdk::mac_of({"0123abcd", "0123456789ab", ""}), sdk::mac_of({"0123abcd", "0123456789ab", "/elsewhere"}));
    EXPECT_NE(sdk::mac_of({"0123abcd", "0123456789ab", ""}), sdk::mac_of({"0123abce", "0123456789ab", ""}));
    EXPECT_EQ(sdk::mac_of({"0123abcd", "0123456789ab", ""}), "52:54:00:a4:e0:60");
}

TEST_F(UserNetworkTest, WithoutPasstOnlyNoEgressWorks)
{
    const auto without = open(R"({"passt": "banger-no-such-passt", "filter": ""})");
    const auto probe = without->probe(call);
    ASSERT_TRUE(probe);
    EXPECT_TRUE(probe->usable);
    EXPECT_THAT(probe->offers, Not(Contains("link:stream-socket")));
    EXPECT_THAT(probe->offers, Contains("link:none"));
    EXPECT_THAT(probe->hint, HasSubstr("apt install passt"));
    const auto spec = new_spec();
    const auto attached = without->attach(spec, call);
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().code, Code::not_found);
    EXPECT_TRUE(os::list_directory(spec.owner.directory)->empty());
    EXPECT_TRUE(without->attach({spec.owner, sdk::Egress::none, "link:none"}, call));
}

TEST_F(UserNetworkTest, APasstThatDoesNotStartIsQuotedAndLeavesNothing)
{
    const std::string program = host.directory() + "/passt";
    ASSERT_TRUE(os::write_file_atomic(program, "#!/bin/sh\necho 'no user namespaces today' >&2\nexit 1\n", 0700));
    const auto broken = open(("{\"passt\": \"" + program + "\"}").c_str());
    const auto probe = broken->probe(call);
    ASSERT_TRUE(probe);
    EXPECT_THAT(probe->reason, HasSubstr("no user namespaces today"));
    const auto spec = new_spec();
    const auto attached = broken->attach(spec, call);
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().code, Code::unavailable);
    EXPECT_THAT(attached.error().message, HasSubstr("no user namespaces today"));
    EXPECT_TRUE(os::list_directory(spec.owner.directory)->empty());
}

TEST_F(UserNetworkTest, APasstThatEndsAtOnceIsNotTakenForOneThatServes)
{
    const auto empty = open(R"({"passt": "true"})");
    const auto probe = empty->probe(call);
    ASSERT_TRUE(probe);
    EXPECT_THAT(probe->offers, Not(Contains("link:stream-socket")));
}

TEST_F(UserNetworkTest, AFilterThatIsMissingOrFailsLeavesNothing)
{
    for (const char* config : {R"({"filter": "/no/such/filter"})", R"({"filter": "/bin/true"})"}) {
        const auto broken = open(config);
        const auto spec = new_spec();
        EXPECT_FALSE(broken->attach(spec, call)) << config;
        EXPECT_TRUE(os::list_directory(spec.owner.directory)->empty());
        EXPECT_TRUE(processes_of(spec.owner).empty());
    }
}

TEST_F(UserNetworkTest, NonsenseInTheConfigurationIsRefused)
{
    for (const char* config : {"", "[]", R"({"passt": 1})", R"({"filter": null})"}) {
        const auto made = make_network(host, config);
        ASSERT_FALSE(made) << config;
        EXPECT_EQ(made.error().code, Code::invalid);
    }
}

TEST_F(UserNetworkTest, TheSocketIsPrivateAndTheProcessesAreNotRoot)
{
    const auto spec = new_spec();
    const auto attached = network->attach(spec, call);
    ASSERT_TRUE(attached) << attached.error().message;
    struct stat status {};
    ASSERT_EQ(::stat((spec.owner.directory + "/net.sock").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    const auto found = processes_of(spec.owner);
    EXPECT_EQ(found.size(), 2U);
    for (const auto& id : found) {
        // passt answers its caller before it shuts itself in, of which nothing tells.
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        auto text = os::read_file("/proc/" + std::to_string(id.pid) + "/status");
        while (text && text->find("Seccomp:\t2") == std::string::npos && std::chrono::steady_clock::now() < deadline)
            text = os::read_file("/proc/" + std::to_string(id.pid) + "/status");
        ASSERT_TRUE(text);
        EXPECT_THAT(*text, Not(HasSubstr("Uid:\t0\t"))) << "process " << id.pid;
        EXPECT_THAT(*text, HasSubstr("Seccomp:\t2")) << "process " << id.pid;
        EXPECT_THAT(*text, HasSubstr("NoNewPrivs:\t1")) << "process " << id.pid;
    }
}

TEST_F(UserNetworkTest, ALinkThatLostItsFilterIsAbsentAndPasstGoesToo)
{
    const auto spec = new_spec();
    const auto attached = network->attach(spec, call);
    ASSERT_TRUE(attached) << attached.error().message;
    const auto filter = find_filter(attached->handle).value_or({});
    ASSERT_TRUE(filter);
    ASSERT_TRUE(os::kill_and_wait(*filter, SIGKILL, std::chrono::seconds(10)));
    EXPECT_FALSE(network->inspect(attached->handle)->present);
    EXPECT_TRUE(network->release(attached->handle));
    EXPECT_TRUE(processes_of(spec.owner).empty());
    EXPECT_TRUE(os::list_directory(spec.owner.directory)->empty());
}

TEST_F(UserNetworkTest, ALinkThatLostPasstIsClosedToTheVmm)
{
    const auto spec = new_spec();
    const auto attached = network->attach(spec, call);
    ASSERT_TRUE(attached) << attached.error().message;
    auto socket = os::connect_unix(spec.owner.directory + "/net.sock");
    ASSERT_TRUE(socket);
    sdk::testing::FramePeer guest(std::move(*socket), "10.0.2.15");
    ASSERT_TRUE(guest.arp("10.0.2.2"));
    const auto filter = find_filter(attached->handle).value_or({});
    ASSERT_TRUE(filter);
    for (const auto& id : processes_of(spec.owner))
        if (!(id == *filter)) {
            ASSERT_TRUE(os::kill_and_wait(id, SIGKILL, std::chrono::seconds(10)));
        }
    EXPECT_TRUE(guest.is_closed());
}

TEST_F(UserNetworkTest, AStrangerIsNeverTakenForItNorKilled)
{
    const auto spec = new_spec();
    os::Command command;
    command.argv = {"sleep", "600"};
    auto stranger = os::spawn(command);
    ASSERT_TRUE(stranger) << stranger.error().message;
    const auto handle = link_handle(spec.owner, stranger->id());
    EXPECT_FALSE(network->inspect(handle)->present);
    EXPECT_TRUE(network->release(handle));
    EXPECT_TRUE(os::is_alive(stranger->id()));
    stranger->kill_group(SIGKILL);
    EXPECT_TRUE(stranger->wait());
}

TEST_F(UserNetworkTest, AStaleSocketOfACrashIsNoObstacle)
{
    const auto spec = new_spec();
    ASSERT_TRUE(os::listen_unix(spec.owner.directory + "/net.sock"));
    EXPECT_TRUE(network->attach(spec, call));
    EXPECT_TRUE(os::connect_unix(spec.owner.directory + "/net.sock"));
}

TEST_F(UserNetworkTest, PrivateAddressesAreRefusedAtOnce)
{
    const auto spec = new_spec();
    const auto attached = network->attach(spec, call);
    ASSERT_TRUE(attached) << attached.error().message;
    auto socket = os::connect_unix(spec.owner.directory + "/net.sock");
    ASSERT_TRUE(socket);
    sdk::testing::FramePeer guest(std::move(*socket), "10.0.2.15");
    for (const char* address : {"127.0.0.1", "10.0.2.2", "169.254.169.254", "192.168.1.1"})
        EXPECT_EQ(guest.connect(address, 80), sdk::testing::FramePeer::Answer::prohibited) << address;
}

}  // namespace
}  // namespace banger::user
