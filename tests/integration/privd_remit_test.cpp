// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Tries to have the root helper of this host do what is not its user's, as that user. The lab has one, and foreign things to
// touch: tests/lab/sets/privd looks at those afterwards.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "core/plugins/kinds.hpp"
#include "core/privd/proxy.hpp"
#include "core/rpc/helper.hpp"

namespace banger::privd {
namespace {

using sdk::Code;
using sdk::testing::FakeCall;
using sdk::testing::FakeHost;

std::string environment(const char* name)
{
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): it is never changed
    return value == nullptr ? "" : value;
}

constexpr std::uint64_t disk_bytes = 1U << 20U;

class PrivdRemitTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        if (environment("BANGER_TEST_FOREIGN_INSTANCE").empty())
            GTEST_SKIP() << "there is nothing here that is not to be touched: see tests/lab/sets/privd";
        storage_ = open<sdk::Storage>(host_.instance(), "dm");
        ASSERT_TRUE(sdk::os::write_file_atomic(layer_, std::string(disk_bytes, 'x')));
    }
    template <typename Interface>
    [[nodiscard]] std::unique_ptr<Interface> open(const std::string& instance, const char* name) const
    {
        auto made = stand_in(rpc::helper::socket, {instance, host_.vms_directory()})(
            {std::string(plugins::kind_of<Interface>), name});
        EXPECT_TRUE(made);
        return std::unique_ptr<Interface>(dynamic_cast<Interface*>(made->release()));
    }
    [[nodiscard]] sdk::DiskSpec over(const std::string& layer) const
    {
        return {host_.new_owner(), "root", {layer, disk_bytes, "raw"}, disk_bytes, "disk:raw"};
    }
    // Neither made nor attached.
    void expect_out_of_reach(const std::string& layer)
    {
        const auto spec = over(layer);
        FakeCall call;
        const auto created = storage_->create(spec, call);
        if (!created)
            return;
        const auto attached = storage_->attach(spec, call);
        EXPECT_FALSE(attached) << layer;
        if (attached)
            (void)storage_->release(attached->handle);
        (void)storage_->destroy(spec.owner, spec.role);
    }

    FakeHost host_;
    FakeCall call_;
    std::string layer_ = host_.directory() + "/layer";
    std::unique_ptr<sdk::Storage> storage_;
};

TEST_F(PrivdRemitTest, NoOtherNamesThanOursAreRouted)
{
    const auto names = open<sdk::NetworkNames>(host_.instance(), "tap");
    for (const auto& server : {sdk::NameServer{"127.0.0.1", 42069, "com"}, {"127.0.0.1", 42069, "example.vm"}, {"192.0.2.1", 53, "vm"}}) {
        const auto routed = names->route(server, call_);
        ASSERT_FALSE(routed) << server.zone;
        EXPECT_EQ(routed.error().code, Code::permission) << routed.error().message;
    }
}

TEST_F(PrivdRemitTest, FilesThatTheUserCannotReadAreNoLayers)
{
    for (const char* name : {"BANGER_TEST_ROOTS_FILE", "BANGER_TEST_OTHERS_FILE"}) {
        const std::string path = environment(name);
        ASSERT_FALSE(path.empty());
        expect_out_of_reach(path);
        const std::string link = host_.directory() + "/link-" + name;
        ASSERT_EQ(::symlink(path.c_str(), link.c_str()), 0);
        expect_out_of_reach(link);
    }
    expect_out_of_reach("/etc/shadow");
    expect_out_of_reach("/dev/vda");
    expect_out_of_reach("/dev/mapper/control");
}

// Between the helper's look at a path and its use the user changes what is there, as fast as he can.
TEST_F(PrivdRemitTest, APathThatChangesUnderTheHelperLeadsNowhereElse)
{
    const std::string mine = host_.directory() + "/mine";
    const std::string theirs = host_.directory() + "/theirs";
    const std::string way = host_.directory() + "/way";
    ASSERT_EQ(::mkdir(mine.c_str(), 0700), 0);
    ASSERT_TRUE(sdk::os::write_file_atomic(mine + "/root-only", std::string(disk_bytes, 'x')));
    const std::string roots = environment("BANGER_TEST_ROOTS_FILE");
    ASSERT_EQ(::symlink(roots.substr(0, roots.rfind('/')).c_str(), theirs.c_str()), 0);
    ASSERT_EQ(::rename(mine.c_str(), way.c_str()), 0);
    std::atomic<bool> stop = false;
    std::thread changing([&] {
        while (!stop) {
            (void)::rename(way.c_str(), mine.c_str());
            (void)::rename(theirs.c_str(), way.c_str());
            (void)::rename(way.c_str(), theirs.c_str());
            (void)::rename(mine.c_str(), way.c_str());
        }
    });
    const auto spec = over(way + "/root-only");
    for (int tries = 0; tries < 40; ++tries) {
        (void)storage_->create(spec, call_);
        const auto attached = storage_->attach(spec, call_);
        if (attached) {
            char first = 0;
            const sdk::os::UniqueFd disk(::open(attached->value.path.c_str(), O_RDONLY | O_CLOEXEC));
            EXPECT_EQ(::read(disk.get(), &first, 1), 1);
            EXPECT_EQ(first, 'x') << "these are root's bytes";
        }
        (void)storage_->release({"storage/0", "dm", "root", spec.owner, {}});
    }
    stop = true;
    changing.join();
    (void)storage_->destroy(spec.owner, "root");
}

TEST_F(PrivdRemitTest, WhatRootHasUnderItsOwnIdIsNotReached)
{
    const std::string instance = environment("BANGER_TEST_FOREIGN_INSTANCE");
    sdk::Owner owner{instance, environment("BANGER_TEST_FOREIGN_VM"), {}};
    owner.directory = host_.vms_directory() + "/" + owner.vm;
    ASSERT_TRUE(sdk::os::make_private_directory(owner.directory));
    const auto storage = open<sdk::Storage>(instance, "dm");
    const auto network = open<sdk::Network>(instance, "tap");
    EXPECT_TRUE(storage->list().value_or({{}}).empty());
    EXPECT_TRUE(network->list().value_or({{}}).empty());
    const auto disk = storage->inspect({"storage/0", "dm", "root", owner, {}});
    ASSERT_TRUE(disk) << disk.error().message;
    EXPECT_FALSE(disk->present);
    EXPECT_TRUE(storage->release({"storage/0", "dm", "root", owner, {{"dm_name", "banger-" + instance + "-x"}}}));
    EXPECT_TRUE(network->release({"network/0", "tap", "link", owner, {{"tap", "b" + instance + "-0"}}}));
}

TEST_F(PrivdRemitTest, SomebodysDeviceOfTheDisksNameIsLeftAlone)
{
    const std::string instance = environment("BANGER_TEST_SQUATTED_INSTANCE");
    sdk::Owner owner{instance, environment("BANGER_TEST_FOREIGN_VM"), {}};
    owner.directory = host_.vms_directory() + "/" + owner.vm;
    ASSERT_TRUE(sdk::os::make_private_directory(owner.directory));
    const auto storage = open<sdk::Storage>(instance, "dm");
    const sdk::DiskSpec spec{owner, "root", {layer_, disk_bytes, "raw"}, disk_bytes, "disk:raw"};
    ASSERT_TRUE(storage->create(spec, call_));
    const auto attached = storage->attach(spec, call_);
    ASSERT_FALSE(attached);
    EXPECT_EQ(to_string(attached.error().code), to_string(Code::exists)) << attached.error().message;
    EXPECT_TRUE(storage->release({"storage/0", "dm", "root", owner, {}}));
}

TEST_F(PrivdRemitTest, ADiskIsTheUsersAndNobodyElses)
{
    const auto spec = over(layer_);
    ASSERT_TRUE(storage_->create(spec, call_));
    const auto attached = storage_->attach(spec, call_);
    ASSERT_TRUE(attached) << attached.error().message;
    struct stat node {};
    ASSERT_EQ(::stat(attached->value.path.c_str(), &node), 0);
    EXPECT_EQ(node.st_uid, ::geteuid());
    EXPECT_EQ(node.st_mode & 0007U, 0U);
    // The kernel's own node, which nobody can keep.
    struct stat name {};
    ASSERT_EQ(::lstat(attached->value.path.c_str(), &name), 0);
    EXPECT_TRUE(S_ISLNK(name.st_mode));
    struct stat data {};
    ASSERT_EQ(::stat((spec.owner.directory + "/root.cow").c_str(), &data), 0);
    EXPECT_EQ(data.st_uid, ::geteuid());
    EXPECT_TRUE(storage_->release(attached->handle));
    EXPECT_FALSE(sdk::os::exists(attached->value.path));
    EXPECT_TRUE(storage_->destroy(spec.owner, spec.role));
}

TEST_F(PrivdRemitTest, TheHelperIsOutOfItsUsersReach)
{
    const auto peer = sdk::os::connect_unix(rpc::helper::socket);
    ASSERT_TRUE(peer);
    const std::string pid = environment("BANGER_TEST_HELPER_PID");
    ASSERT_FALSE(pid.empty());
    EXPECT_NE(::kill(std::atoi(pid.c_str()), 0), 0) << "it can be signalled";
    EXPECT_FALSE(sdk::os::open_file("/proc/" + pid + "/mem", O_RDWR)) << "it can be read and written";
}

}  // namespace
}  // namespace banger::privd
