// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/vmm_process.hpp"

namespace banger::sdk {
namespace {

using ::testing::HasSubstr;

/// VMMs that make their sockets themselves.
class VmmLaunchTest : public ::testing::Test {
protected:
    Result<os::UniqueFd> start(VmmLaunch& launch, const char* how)
    {
        os::Command command;
        command.argv = {BANGER_FAKE_VMM, "--id", VmmProcess::name_of(owner), how};
        return launch.start(command, "vmm.log", call);
    }
    void expect_nothing_left()
    {
        EXPECT_FALSE(vmm.inspect(vmm.planned(owner))->present);
        EXPECT_EQ(*os::list_directory(owner.directory), std::vector<std::string>{"vmm.log"});
    }

    testing::FakeHost host;
    testing::FakeCall call;
    Owner owner = host.new_owner();
    VmmProcess vmm{"fake", "--id"};
};

TEST_F(VmmLaunchTest, AVmmThatMakesItsSocketsIsWaitedFor)
{
    ASSERT_TRUE(os::listen_unix(owner.directory + "/" + api_socket_name)) << "left by a crash";
    auto launch = VmmLaunch::prepare_without_sockets(vmm, owner);
    ASSERT_TRUE(launch) << launch.error().message;
    auto api = start(*launch, "");
    ASSERT_TRUE(api) << api.error().message;
    const auto handle = launch->keep();
    EXPECT_EQ(std::to_string(os::peer_of(api->get())->pid), handle.bound.at("pid"));
    struct stat socket {};
    ASSERT_EQ(::stat((owner.directory + "/" + api_socket_name).c_str(), &socket), 0);
    EXPECT_EQ(socket.st_mode & 077, 0U) << "open to others";
    const auto second = VmmLaunch::prepare_without_sockets(vmm, owner);
    ASSERT_FALSE(second);
    EXPECT_EQ(to_string(second.error().code), to_string(Code::exists));
    EXPECT_TRUE(vmm.release(handle));
    expect_nothing_left();
}

TEST_F(VmmLaunchTest, OneThatEndsBeforeIsQuoted)
{
    {
        auto launch = VmmLaunch::prepare_without_sockets(vmm, owner);
        ASSERT_TRUE(launch);
        const auto api = start(*launch, "--fail");
        ASSERT_FALSE(api);
        EXPECT_EQ(to_string(api.error().code), to_string(Code::unavailable));
        EXPECT_THAT(api.error().message, HasSubstr("no such kernel"));
    }
    expect_nothing_left();
}

TEST_F(VmmLaunchTest, OneThatNeverServesIsGivenUpWithTheCall)
{
    {
        auto launch = VmmLaunch::prepare_without_sockets(vmm, owner);
        ASSERT_TRUE(launch);
        std::thread caller([&] { call.cancel(); });
        const auto api = start(*launch, "--hang");
        caller.join();
        ASSERT_FALSE(api);
        EXPECT_EQ(to_string(api.error().code), to_string(Code::cancelled));
    }
    expect_nothing_left();
}

TEST_F(VmmLaunchTest, OneThatNeverServesIsGivenUpInTime)
{
    {
        auto launch = VmmLaunch::prepare_without_sockets(vmm, owner);
        ASSERT_TRUE(launch);
        launch->wait_at_most(std::chrono::milliseconds(100));
        const auto api = start(*launch, "--hang");
        ASSERT_FALSE(api);
        EXPECT_EQ(to_string(api.error().code), to_string(Code::timed_out));
        EXPECT_THAT(api.error().message, HasSubstr("did not open its API's socket within 100 ms"));
    }
    expect_nothing_left();
}

}  // namespace
}  // namespace banger::sdk
