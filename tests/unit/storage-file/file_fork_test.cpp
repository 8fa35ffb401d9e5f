// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "file_fork.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "file_storage.hpp"

namespace banger::file {
namespace {

namespace os = sdk::os;

constexpr off_t reads = 100;
constexpr off_t writes = 101;

/// A program that works with an image, as far as the locks of QEMU's kind tell: on byte 100 it reads, on 101 it writes.
class Program {
public:
    explicit Program(const std::string& path, off_t byte) : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC))
    {
        struct flock lock {};
        lock.l_type = F_RDLCK;
        lock.l_whence = SEEK_SET;
        lock.l_start = byte;
        lock.l_len = 1;
        EXPECT_EQ(::fcntl(fd_.get(), F_OFD_SETLK, &lock), 0);
    }

private:
    os::UniqueFd fd_;
};

class FileForkTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        const std::string image = host.cache_directory() + "/image";
        ASSERT_TRUE(os::write_file_atomic(image, std::string(1U << 20U, 'L')));
        spec = {{host.new_owner(), "root", {image, 1U << 20U}, 8U << 20U, "disk:qcow2"},
                host.vms_directory() + "/layer"};
        ASSERT_TRUE(storage->create(spec.disk, call));
    }

    [[nodiscard]] std::string in_vm(const std::string& name) const { return spec.disk.owner.directory + "/" + name; }
    sdk::Handle begin()
    {
        auto begun = fork->attach(spec, call);
        EXPECT_TRUE(begun) << begun.error().message;
        return fork->plan(spec)->at(0);  // the key alone, as after a crash
    }
    [[nodiscard]] bool attaches_over(const sdk::Layer& layer)
    {
        auto again = spec.disk;
        again.layer = layer;
        return storage->attach(again, call).has_value();
    }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
    std::unique_ptr<sdk::Storage> storage = make_storage(host);
    std::unique_ptr<sdk::StorageFork> fork = make_storage_fork(host);
    sdk::FreezeSpec spec;
};

TEST_F(FileForkTest, AFreezeWhoseMachineNeverMovedIsUndone)
{
    const auto handle = begin();
    const Program machine(in_vm("root.qcow2"), writes);
    const Program added(in_vm("root.1.qcow2"), writes);  // opened, and not swapped to
    ASSERT_TRUE(fork->release(handle));
    EXPECT_FALSE(os::exists(spec.layer_path));
    EXPECT_EQ(*os::list_directory(spec.disk.owner.directory), std::vector<std::string>{"root.qcow2"});
    EXPECT_TRUE(attaches_over(spec.disk.layer));
}

TEST_F(FileForkTest, AFreezeWhoseMachineHasMovedIsFinished)
{
    const auto handle = begin();
    // QEMU keeps the layer open beside its new top.
    const Program machine(in_vm("root.1.qcow2"), writes);
    const Program below(in_vm("root.qcow2"), reads);
    ASSERT_TRUE(fork->release(handle));
    EXPECT_TRUE(os::exists(spec.layer_path));
    EXPECT_FALSE(os::exists(in_vm("root.freeze")));
    EXPECT_TRUE(attaches_over({spec.layer_path, 8U << 20U, "qcow2"}));
}

TEST_F(FileForkTest, AnAttachThatDiedBeforeItsTopIsUndone)
{
    const auto handle = begin();
    ASSERT_TRUE(os::remove_file(in_vm("root.1.qcow2")));
    ASSERT_TRUE(os::write_file_atomic(in_vm("root.new"), "half"));
    ASSERT_TRUE(fork->release(handle));
    EXPECT_EQ(*os::list_directory(spec.disk.owner.directory), std::vector<std::string>{"root.qcow2"});
    EXPECT_FALSE(os::exists(spec.layer_path));
    EXPECT_TRUE(attaches_over(spec.disk.layer));
}

TEST_F(FileForkTest, ALayerOfSomebodyElseIsNotRemoved)
{
    ASSERT_TRUE(os::write_file_atomic(spec.layer_path, "another freeze's"));
    EXPECT_FALSE(fork->attach(spec, call));
    const auto handle = fork->plan(spec)->at(0);
    ASSERT_TRUE(os::write_file_atomic(in_vm("root.freeze"), spec.layer_path));  // it died before it had made anything
    EXPECT_FALSE(fork->commit(handle));
    ASSERT_TRUE(fork->release(handle));
    EXPECT_TRUE(os::exists(spec.layer_path));
    EXPECT_TRUE(attaches_over(spec.disk.layer));
}

TEST_F(FileForkTest, AFrozenDiskIsDestroyedAndItsLayerStays)
{
    ASSERT_TRUE(fork->commit(begin()));
    const auto inspection = storage->inspect({"storage/0", "file", "root", spec.disk.owner, {}});
    ASSERT_TRUE(inspection);
    EXPECT_EQ(inspection->facts.at("data"), in_vm("root.1.qcow2"));
    EXPECT_EQ(inspection->facts.at("layer"), spec.layer_path);
    const Program child(spec.layer_path, reads);
    ASSERT_TRUE(storage->destroy(spec.disk.owner, "root")) << "another VM reads the layer";
    EXPECT_TRUE(os::list_directory(spec.disk.owner.directory)->empty());
    EXPECT_TRUE(os::exists(spec.layer_path));
}

}  // namespace
}  // namespace banger::file
