// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "file_storage.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "reflink.hpp"

namespace banger::file {
namespace {

using sdk::Code;
namespace os = sdk::os;

class FileStorageTest : public ::testing::Test {
protected:
    sdk::DiskSpec new_spec()
    {
        const std::string layer = host.cache_directory() + "/layer";
        EXPECT_TRUE(os::write_file_atomic(layer, std::string(1U << 20U, 'L')));
        return {host.new_owner(), "root", {layer, 1U << 20U}, 8U << 20U, "disk:qcow2"};
    }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
    std::unique_ptr<sdk::Storage> storage = make_storage(host);
};

TEST_F(FileStorageTest, NothingIsEverAttachedButTheDataIsShown)
{
    const auto spec = new_spec();
    ASSERT_TRUE(storage->create(spec, call));
    EXPECT_TRUE(storage->plan(spec)->empty());
    const auto attached = storage->attach(spec, call);
    ASSERT_TRUE(attached);
    EXPECT_EQ(attached->handle.key, "root");
    const auto inspection = storage->inspect(attached->handle);
    ASSERT_TRUE(inspection);
    EXPECT_FALSE(inspection->present);
    EXPECT_EQ(inspection->facts.at("data"), spec.owner.directory + "/root.qcow2");
}

TEST_F(FileStorageTest, ARoleThatIsNoPlainWordIsRefused)
{
    auto spec = new_spec();
    for (const char* role : {"", "..", "../root", "a/b", "Root", "a b"}) {
        spec.role = role;
        const auto created = storage->create(spec, call);
        ASSERT_FALSE(created) << role;
        EXPECT_EQ(created.error().code, Code::invalid);
        EXPECT_FALSE(storage->destroy(spec.owner, role));
    }
    EXPECT_TRUE(os::list_directory(spec.owner.directory)->empty());
}

TEST_F(FileStorageTest, ARawDiskIsNeverACopy)
{
    if (can_clone(host.cache_directory(), host.vms_directory()))
        GTEST_SKIP() << "files share blocks here; set TMPDIR to a file system without reflinks";
    auto spec = new_spec();
    spec.format = "disk:raw";
    const auto created = storage->create(spec, call);
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().code, Code::unsupported);
    EXPECT_FALSE(created.error().hint.empty());
    EXPECT_TRUE(os::list_directory(spec.owner.directory)->empty());
}

TEST_F(FileStorageTest, ARawDiskSharesTheBlocksOfItsLayer)
{
    if (!can_clone(host.cache_directory(), host.vms_directory()))
        GTEST_SKIP() << "raw disks need a file system with reflinks; set TMPDIR to one (XFS, Btrfs)";
    auto spec = new_spec();
    spec.format = "disk:raw";
    ASSERT_TRUE(storage->create(spec, call));
    const auto attached = storage->attach(spec, call);
    ASSERT_TRUE(attached);
    EXPECT_EQ(attached->value.format, "raw");
    ASSERT_TRUE(os::remove_file(spec.layer.path));
    EXPECT_TRUE(storage->attach(spec, call));
    EXPECT_EQ(os::read_file(attached->value.path)->substr(0, 1U << 20U), std::string(1U << 20U, 'L'));
}

TEST_F(FileStorageTest, AnUnfinishedDiskOfACrashIsNoObstacle)
{
    const auto spec = new_spec();
    ASSERT_TRUE(os::write_file_atomic(spec.owner.directory + "/root.new", std::string(1U << 20U, 'x')));
    const auto attached = storage->attach(spec, call);
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().code, Code::not_found);
    ASSERT_TRUE(storage->create(spec, call));
    EXPECT_TRUE(storage->attach(spec, call));
    EXPECT_THAT(*os::list_directory(spec.owner.directory), ::testing::ElementsAre("root.qcow2"));
}

TEST_F(FileStorageTest, ARawDiskThatLooksLikeQcow2IsStillRaw)
{
    const auto spec = new_spec();
    ASSERT_TRUE(os::write_file_atomic(spec.owner.directory + "/root.raw", "QFI\xfb" + std::string(8188, 'x')));
    const auto attached = storage->attach(spec, call);
    ASSERT_TRUE(attached);
    EXPECT_EQ(attached->value.format, "raw");
    EXPECT_EQ(attached->value.bytes, spec.bytes) << "made as long as it is to be";
    EXPECT_EQ(os::read_file(attached->value.path)->substr(0, 5), "QFI\xfbx");
}

TEST_F(FileStorageTest, ADamagedDiskIsSaidAndStays)
{
    const auto spec = new_spec();
    ASSERT_TRUE(storage->create(spec, call));
    const std::string data = spec.owner.directory + "/root.qcow2";
    const std::string whole = *os::read_file(data);
    for (const std::string& content : {std::string(), whole.substr(0, 50), whole.substr(0, 130), "x" + whole}) {
        ASSERT_TRUE(os::write_file_atomic(data, content));
        const auto attached = storage->attach(spec, call);
        ASSERT_FALSE(attached) << content.size();
        EXPECT_EQ(attached.error().code, Code::corrupt);
    }
    EXPECT_TRUE(os::exists(data));
    ASSERT_TRUE(os::write_file_atomic(data, whole));
    EXPECT_TRUE(storage->attach(spec, call));
    ASSERT_TRUE(os::write_file_atomic(spec.owner.directory + "/root.raw", whole));
    EXPECT_EQ(storage->attach(spec, call).error().code, Code::corrupt);
}

TEST_F(FileStorageTest, AnotherLayerThanTheOneItWasMadeOverIsSaid)
{
    auto spec = new_spec();
    ASSERT_TRUE(storage->create(spec, call));
    spec.layer.path = host.cache_directory() + "/other";
    ASSERT_TRUE(os::write_file_atomic(spec.layer.path, std::string(1U << 20U, 'O')));
    EXPECT_EQ(storage->attach(spec, call).error().code, Code::corrupt);
}

TEST_F(FileStorageTest, ALayerThatChangedUnderADiskIsSaid)
{
    const auto spec = new_spec();
    ASSERT_TRUE(storage->create(spec, call));
    ASSERT_EQ(::truncate(spec.layer.path.c_str(), 4096), 0);
    EXPECT_EQ(storage->attach(spec, call).error().code, Code::corrupt);
    ASSERT_TRUE(os::remove_file(spec.layer.path));
    EXPECT_EQ(storage->attach(spec, call).error().code, Code::not_found);
}

TEST_F(FileStorageTest, ADiskThatAVmmHasOpenIsNotDestroyedAndDoesNotGrow)
{
    if (!os::find_program("qemu-io"))
        GTEST_SKIP() << "needs qemu-io: install qemu-utils";
    const auto spec = new_spec();
    ASSERT_TRUE(storage->create(spec, call));
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    ASSERT_EQ(::pipe2(in.data(), O_CLOEXEC), 0);
    ASSERT_EQ(::pipe2(out.data(), O_CLOEXEC), 0);
    os::UniqueFd talk(in[1]);
    const os::UniqueFd listen(out[0]);
    os::Command command;
    command.argv = {"qemu-io", "-f", "qcow2", spec.owner.directory + "/root.qcow2"};
    command.in = in[0];
    command.out = out[1];
    auto user = os::spawn(command);
    ASSERT_TRUE(user) << user.error().message;
    ::close(in[0]);
    ::close(out[1]);
    ASSERT_TRUE(os::write_all(talk.get(), "length\n"));
    std::array<char, 64> answer{};
    ASSERT_GT(::read(listen.get(), answer.data(), answer.size()), 0);  // it has the image open

    const auto destroyed = storage->destroy(spec.owner, "root");
    ASSERT_FALSE(destroyed);
    EXPECT_EQ(destroyed.error().code, Code::busy);
    auto longer = spec;
    longer.bytes += 4096;
    const auto grown = storage->attach(longer, call);
    ASSERT_FALSE(grown) << "nor grown";
    EXPECT_EQ(grown.error().code, Code::busy);
    talk.reset();
    EXPECT_TRUE(user->wait());
    EXPECT_TRUE(storage->destroy(spec.owner, "root"));
}

}  // namespace
}  // namespace banger::file
