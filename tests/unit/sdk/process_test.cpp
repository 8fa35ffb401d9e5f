// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/process.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>

#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/vmm_process.hpp"

namespace banger::sdk {
namespace {

constexpr std::chrono::seconds patience{10};

/// While it lives this process can open no further descriptor.
class NoDescriptors {
public:
    NoDescriptors()
    {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit none{0, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

/// A process that carries a VMM's name, as vmm/0 providers name theirs.
class ProcessTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        const std::string never_written = owner.directory + "/fifo";
        ASSERT_EQ(::mkfifo(never_written.c_str(), 0600), 0);
        os::Command command;
        command.argv = {"sh", "-c", "read -r _ <" + never_written, "--name", VmmProcess::name_of(owner)};
        auto spawned = os::spawn(command);
        ASSERT_TRUE(spawned) << spawned.error().message;
        child = std::move(*spawned);
    }
    void TearDown() override
    {
        if (child)
            child->end_group();
    }

    testing::FakeHost host;
    Owner owner = host.new_owner();
    VmmProcess vmm{"fake", "--name"};
    std::optional<os::Child> child;
};

TEST_F(ProcessTest, WithoutDescriptorsNothingIsTakenForDead)
{
    const auto id = child->id();
    {
        const NoDescriptors none;
        EXPECT_FALSE(os::kill_and_wait(id, SIGKILL, patience));
        EXPECT_FALSE(os::send_signal(id, SIGKILL));
        EXPECT_FALSE(os::find_processes([](const auto&) { return true; }));
        const auto known = os::identify(id.pid);
        ASSERT_FALSE(known);
        EXPECT_NE(to_string(known.error().code), to_string(Code::not_found));
        const auto watched = os::watch_process(id);
        ASSERT_FALSE(watched);
        EXPECT_NE(to_string(watched.error().code), to_string(Code::not_found));
    }
    EXPECT_TRUE(os::is_alive(id));
    EXPECT_TRUE(os::kill_and_wait(id, SIGKILL, patience));
    EXPECT_TRUE(os::kill_and_wait(id, SIGKILL, patience)) << "gone already";
    EXPECT_EQ(to_string(os::watch_process(id).error().code), to_string(Code::not_found));
}

TEST_F(ProcessTest, WithoutDescriptorsAVmmIsNeitherAbsentNorReleased)
{
    for (const auto& handle : {vmm.bound(owner, child->id()), vmm.planned(owner)}) {
        ASSERT_TRUE(vmm.inspect(handle)->present);
        {
            const NoDescriptors none;
            EXPECT_FALSE(vmm.inspect(handle));
            EXPECT_FALSE(vmm.list(host));
            EXPECT_FALSE(vmm.release(handle)) << "and it comes back at all";
            const auto killed = vmm.kill(handle, SIGKILL);
            ASSERT_FALSE(killed);
            EXPECT_NE(to_string(killed.error().code), to_string(Code::not_found));
        }
        EXPECT_TRUE(vmm.inspect(handle)->present);
    }
    EXPECT_EQ(vmm.list(host)->size(), 1U);
    EXPECT_TRUE(vmm.release(vmm.planned(owner)));
    EXPECT_FALSE(vmm.inspect(vmm.planned(owner))->present);
}

TEST_F(ProcessTest, EndingAGroupReapsItsLeader)
{
    const auto id = child->id();
    child->end_group();
    EXPECT_FALSE(os::is_alive(id));
    EXPECT_EQ(::kill(id.pid, 0), -1) << "its zombie is left";
    child.reset();
}

}  // namespace
}  // namespace banger::sdk
