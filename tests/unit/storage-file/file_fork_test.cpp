// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "file_fork.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/call_watch.hpp"
#include "banger/sdk/testing/disk_bytes.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "file_storage.hpp"
#include "layer_chain.hpp"
#include "qcow2_overlay.hpp"

namespace banger::file {
namespace {

using sdk::Code;
using sdk::testing::DiskBytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace os = sdk::os;

/// A program that has the file open for writing, as a VMM has its disk.
class Writer {
public:
    explicit Writer(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC))
    {
        EXPECT_TRUE(fd_) << path;
    }
    void end() { fd_.reset(); }

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
    [[nodiscard]] std::vector<std::string> files() const { return *os::list_directory(spec.disk.owner.directory); }
    [[nodiscard]] sdk::Handle handle() { return fork->plan(spec)->at(0); }  // the key alone, as after a crash
    /// The new top.
    sdk::Disk begin()
    {
        auto begun = fork->attach(spec, call);
        EXPECT_TRUE(begun) << begun.error().message;
        return begun ? begun->value.top.value_or(sdk::Disk{}) : sdk::Disk{};
    }
    void freeze()
    {
        (void)begin();
        const auto layer = fork->commit(handle());
        ASSERT_TRUE(layer) << layer.error().message;
        ASSERT_TRUE(fork->release(handle()));
    }
    [[nodiscard]] sdk::Result<sdk::Attached<sdk::Disk>> attach() { return storage->attach(spec.disk, call); }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
    std::unique_ptr<sdk::Storage> storage = make_storage(host);
    std::unique_ptr<sdk::StorageFork> fork = make_storage_fork(host);
    sdk::FreezeSpec spec;
};

TEST_F(FileForkTest, AFreezeWhoseMachineNeverMovedIsUndoneThoughItHasTheNewTopOpen)
{
    const auto top = begin();
    const Writer machine(in_vm("root.qcow2"));
    const Writer added(top.path);  // opened, and not swapped to
    ASSERT_TRUE(fork->release(handle()));
    EXPECT_FALSE(os::exists(spec.layer_path));
    EXPECT_THAT(files(), ElementsAre("root.qcow2"));
    EXPECT_TRUE(attach());
}

// A host that dies in between may keep what was said last and forget what was said before.
TEST_F(FileForkTest, AnUndoneFreezeIsForgottenOnlyOnceItsLayerIsGoneFromTheDisk)
{
    (void)begin();
    const Writer machine(in_vm("root.qcow2"));
    std::vector<std::string> order;
    sdk::testing::CallWatch watch({SYS_fsync, SYS_unlink}, [&] { EXPECT_TRUE(fork->release(handle())); });
    while (const auto stopped = watch.next()) {
        for (const auto& [path, what] : {std::pair(spec.layer_path, "layer"), {in_vm("root.freeze"), "note"}})
            if (stopped->call == SYS_unlink && stopped->path == path)
                order.emplace_back(what);
        if (stopped->call == SYS_fsync && stopped->path == host.vms_directory())
            order.emplace_back("its directory");
        watch.let_on();
    }
    EXPECT_THAT(order, ElementsAre("layer", "its directory", "note"));
}

TEST_F(FileForkTest, AFreezeInADirectoryThatIsNotThereLeavesNothing)
{
    spec.layer_path = host.directory() + "/nowhere/layer";
    EXPECT_EQ(fork->attach(spec, call).error().code, Code::not_found);
    EXPECT_THAT(files(), ElementsAre("root.qcow2"));
}

TEST_F(FileForkTest, WhoeverCancelsNeedNotWaitForASlowDisk)
{
    sdk::Result<sdk::Attached<sdk::Freeze>> begun{sdk::Attached<sdk::Freeze>{}};
    sdk::testing::CallWatch watch({SYS_fdatasync}, [&] { begun = fork->attach(spec, call); });
    const auto stopped = watch.next();
    ASSERT_TRUE(stopped);
    EXPECT_EQ(stopped->path, in_vm("root.qcow2"));
    EXPECT_FALSE(watch.ends(std::chrono::milliseconds(200))) << "the disk is flushed before anything is made";
    call.cancel();
    ASSERT_TRUE(watch.ends(std::chrono::seconds(10)));
    EXPECT_EQ(begun.error().code, Code::cancelled);
    EXPECT_THAT(files(), ElementsAre("root.qcow2"));
    EXPECT_FALSE(os::exists(spec.layer_path));
}

// Whoever was told of no freeze would have the disk's next start, and its deletion, go on as if there were none.
TEST_F(FileForkTest, FreezesThatCannotBeLookedForAreNotNone)
{
    (void)begin();
    ASSERT_TRUE(os::write_file_atomic(host.vms_directory() + "/file", "no VM's"));
    ASSERT_EQ(fork->list()->size(), 1U);
    const std::string loop = host.vms_directory() + "/loop";
    ASSERT_EQ(::symlink(loop.c_str(), loop.c_str()), 0);  // ELOOP, also for root
    EXPECT_FALSE(fork->list());
    ASSERT_TRUE(os::remove_file(loop));
    EXPECT_EQ(fork->list()->size(), 1U);
    ASSERT_EQ(::rename(host.vms_directory().c_str(), (host.vms_directory() + "-away").c_str()), 0);
    EXPECT_TRUE(fork->list()->empty());
    ASSERT_EQ(::rename((host.vms_directory() + "-away").c_str(), host.vms_directory().c_str()), 0);
}

// The machine may still have the first one open by its name.
TEST_F(FileForkTest, ATopThatWasUndoneNeverLendsItsNameToAnother)
{
    const Writer machine(in_vm("root.qcow2"));
    const auto first = begin();
    ASSERT_TRUE(fork->release(handle()));
    const auto second = begin();
    EXPECT_NE(first.path, second.path);
}

TEST_F(FileForkTest, ATopThatHoldsDataIsNeverRemoved)
{
    const auto top = begin();
    if (const auto reason = DiskBytes(top).unreadable())
        GTEST_SKIP() << *reason;
    ASSERT_TRUE(DiskBytes(top).fill(7, 0, 65536));
    Writer somebody(in_vm("root.qcow2"));  // but no machine that writes there
    const auto released = fork->release(handle());
    ASSERT_FALSE(released);
    EXPECT_EQ(released.error().code, Code::precondition);
    EXPECT_TRUE(fork->inspect(handle())->present);
    somebody.end();
    ASSERT_TRUE(fork->release(handle()));
    EXPECT_TRUE(DiskBytes(attach()->value).holds(7, 0, 65536));
}

TEST_F(FileForkTest, AnAttachThatDiedBeforeItsTopIsUndone)
{
    const auto top = begin();
    ASSERT_TRUE(os::remove_file(top.path));
    ASSERT_TRUE(os::write_file_atomic(in_vm("root.new"), "half"));
    ASSERT_TRUE(fork->release(handle()));
    EXPECT_THAT(files(), ElementsAre("root.qcow2"));
    EXPECT_FALSE(os::exists(spec.layer_path));
    EXPECT_TRUE(attach());
}

TEST_F(FileForkTest, ALayerOfSomebodyElseIsNotRemoved)
{
    ASSERT_TRUE(os::write_file_atomic(spec.layer_path, "another freeze's"));
    EXPECT_FALSE(fork->attach(spec, call));
    // It died before it had made anything.
    ASSERT_TRUE(os::write_file_atomic(in_vm("root.freeze"), "begun\n" + spec.layer_path));
    EXPECT_FALSE(fork->commit(handle()));
    ASSERT_TRUE(fork->release(handle()));
    EXPECT_TRUE(os::exists(spec.layer_path));
    EXPECT_TRUE(attach());
}

TEST_F(FileForkTest, AFrozenDiskIsDestroyedAndItsLayerStays)
{
    const auto top = begin();
    ASSERT_TRUE(fork->commit(handle()));
    ASSERT_TRUE(fork->release(handle()));
    const auto inspection = storage->inspect({"storage/0", "file", "root", spec.disk.owner, {}});
    ASSERT_TRUE(inspection);
    EXPECT_EQ(inspection->facts.at("data"), top.path);
    EXPECT_EQ(inspection->facts.at("layer"), spec.layer_path);
    ASSERT_TRUE(storage->destroy(spec.disk.owner, "root"));
    EXPECT_TRUE(files().empty());
    EXPECT_TRUE(os::exists(spec.layer_path));
}

TEST_F(FileForkTest, ADiskIsNotDestroyedWhileAnyOfItsTopsIsWrittenTo)
{
    freeze();
    ASSERT_EQ(::chmod(in_vm("root.qcow2").c_str(), 0600), 0);
    Writer somebody(in_vm("root.qcow2"));
    EXPECT_EQ(storage->destroy(spec.disk.owner, "root").error().code, Code::busy);
    EXPECT_EQ(files().size(), 2U);
    somebody.end();
    EXPECT_TRUE(storage->destroy(spec.disk.owner, "root"));
}

TEST_F(FileForkTest, ALayerThatIsWrittenToIsNotDestroyed)
{
    (void)begin();
    const Writer machine(in_vm("root.qcow2"));
    EXPECT_EQ(fork->destroy({spec.layer_path, 0, "qcow2"}).error().code, Code::busy);
    EXPECT_TRUE(os::exists(spec.layer_path));
}

TEST_F(FileForkTest, EveryLayerIsLookedAtBeforeADiskIsAttached)
{
    freeze();
    const std::string first = spec.layer_path;
    spec.layer_path += "-2";
    freeze();
    ASSERT_TRUE(attach());
    EXPECT_EQ(attach()->value.layer->path, spec.layer_path);
    const std::string content = *os::read_file(first);
    ASSERT_TRUE(os::write_file_atomic(first, "no qcow2 image"));
    EXPECT_EQ(attach().error().code, Code::corrupt);
    ASSERT_TRUE(os::remove_file(first));
    EXPECT_EQ(attach().error().code, Code::not_found);
    ASSERT_TRUE(os::write_file_atomic(first, content));
    EXPECT_TRUE(attach());
    ASSERT_EQ(::truncate(spec.disk.layer.path.c_str(), 4096), 0);
    EXPECT_EQ(attach().error().code, Code::corrupt);
}

TEST_F(FileForkTest, ALayerThatStandsOnItselfIsSaid)
{
    auto fd = os::open_file(spec.layer_path, O_RDWR | O_CREAT);
    ASSERT_TRUE(fd);
    ASSERT_TRUE(write_qcow2_overlay(fd->get(), {1U << 20U, spec.layer_path, "qcow2"}));
    auto child = spec.disk;
    child.owner = host.new_owner();
    child.layer = {spec.layer_path, 1U << 20U, "qcow2"};
    EXPECT_EQ(storage->create(child, call).error().code, Code::corrupt);
}

// What a guest wrote at the start of a raw image says nothing.
TEST_F(FileForkTest, ALayerIsOfTheFormatThatIsWrittenAboveIt)
{
    const std::string image = spec.disk.layer.path;
    std::string content = *os::read_file(image);
    content.replace(0, 4, "QFI\xfb");
    ASSERT_TRUE(os::write_file_atomic(image, content));
    freeze();
    EXPECT_TRUE(attach());
    const auto chain = chain_of({spec.layer_path, 0, "qcow2"});
    ASSERT_TRUE(chain) << chain.error().message;
    EXPECT_EQ(chain->back().format, "raw");
}

TEST_F(FileForkTest, ADiskOverAsManyLayersAsThereMayBeIsNotFrozen)
{
    for (std::size_t depth = 1; depth < most_layers; ++depth) {
        spec.layer_path = host.vms_directory() + "/layer-" + std::to_string(depth);
        freeze();
    }
    auto child = spec.disk;
    child.owner = host.new_owner();
    child.layer = {spec.layer_path, 8U << 20U, "qcow2"};
    EXPECT_TRUE(storage->create(child, call));
    spec.layer_path += "-more";
    const auto begun = fork->attach(spec, call);
    ASSERT_FALSE(begun);
    EXPECT_EQ(begun.error().code, Code::precondition);
    EXPECT_THAT(begun.error().message, HasSubstr(std::to_string(most_layers) + " layers"));
    EXPECT_FALSE(begun.error().hint.empty());
    EXPECT_TRUE(attach());
}

TEST_F(FileForkTest, ADirectoryThatCannotBeReadIsAnErrorAndNoEmptyOne)
{
    const std::string directory = spec.disk.owner.directory;
    ASSERT_EQ(::rename(directory.c_str(), (directory + "-away").c_str()), 0);
    ASSERT_TRUE(os::write_file_atomic(directory, "no directory"));
    EXPECT_FALSE(fork->attach(spec, call));
    EXPECT_FALSE(storage->attach(spec.disk, call));
    EXPECT_FALSE(storage->create(spec.disk, call));
}

TEST_F(FileForkTest, NamesThatAreNobodysTopsAreLeftAlone)
{
    for (const char* name : {"root.4294967295.qcow2", "root.9999999999-00.qcow2", "root.x-00.qcow2", "rooty.qcow2"})
        ASSERT_TRUE(os::write_file_atomic(in_vm(name), "somebody's"));
    freeze();
    EXPECT_EQ(attach()->value.layer->path, spec.layer_path);
    ASSERT_TRUE(storage->destroy(spec.disk.owner, "root"));
    EXPECT_EQ(files().size(), 4U);
}

}  // namespace
}  // namespace banger::file
