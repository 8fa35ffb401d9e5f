// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// storage-dm with a real kernel: what its contract does not ask, above all hosts that lack something. The lab has it all
// (tests/lab/sets/dm); where there is no device-mapper, every test says so.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/disk_bytes.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/testing/kill_walk.hpp"
#include "cow_file.hpp"
#include "device.hpp"
#include "device_node.hpp"
#include "dm_fork.hpp"
#include "dm_storage.hpp"
#include "layer_devices.hpp"
#include "loop.hpp"
#include "names.hpp"
#include "tests/integration/said.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
using sdk::to_string;
using sdk::testing::DiskBytes;
using sdk::testing::said;
using ::testing::HasSubstr;
namespace os = sdk::os;

constexpr std::uint64_t layer_bytes = 4U << 20U;
constexpr std::uint64_t disk_bytes = 64U << 20U;
constexpr std::uint64_t block = 65536;

class Dm : public ::testing::Test {
protected:
    void SetUp() override
    {
        if (const auto available = device::check_available(); !available)
            GTEST_SKIP() << available.error().message;
        storage = make_storage(host, config);
    }
    void TearDown() override
    {
        if (storage == nullptr)
            return;
        for (const auto& handle : storage->list().value_or({}))
            EXPECT_TRUE(storage->release(handle));
        EXPECT_TRUE(left_in_the_kernel().empty());
    }

    [[nodiscard]] std::vector<std::string> left_in_the_kernel() const
    {
        return device::list("banger-" + host.instance() + "-").value_or({"nobody can say"});
    }
    sdk::Layer new_layer() const
    {
        const std::string path = host.cache_directory() + "/layer-" + host.random_hex(8);
        EXPECT_TRUE(os::write_file_atomic(path, std::string(layer_bytes, 'L')));
        return {path, layer_bytes, "raw"};
    }
    sdk::DiskSpec new_disk(const sdk::Layer& layer)
    {
        sdk::DiskSpec spec{host.new_owner(), "root", layer, disk_bytes, "disk:raw"};
        const auto created = storage->create(spec, call);
        EXPECT_TRUE(created) << created.error().message;
        return spec;
    }
    sdk::Attached<sdk::Disk> must_attach(const sdk::DiskSpec& spec)
    {
        auto attached = storage->attach(spec, call);
        EXPECT_TRUE(attached) << attached.error().message;
        return attached ? *attached : sdk::Attached<sdk::Disk>{};
    }
    // As a program that looks at block devices: the one that the disks of a layer share.
    [[nodiscard]] os::UniqueFd open_shared() const
    {
        for (const auto& name : left_in_the_kernel())
            if (is_shared_name(host.instance(), name))
                if (const auto state = device::own_state_of(name); state && *state)
                    return os::UniqueFd(::open(device::kernel_node_of((*state)->number).c_str(), O_RDONLY | O_CLOEXEC));
        return os::UniqueFd();
    }
    // One sentence and a hint, and the kernel as it was before.
    void expect_refused(const sdk::DiskSpec& spec, Code code, const std::string& words)
    {
        const auto before = left_in_the_kernel();
        const auto attached = storage->attach(spec, call);
        ASSERT_FALSE(attached);
        EXPECT_EQ(to_string(attached.error().code), to_string(code)) << attached.error().message;
        EXPECT_THAT(attached.error().message, HasSubstr(words));
        EXPECT_FALSE(attached.error().hint.empty()) << attached.error().message;
        EXPECT_EQ(left_in_the_kernel(), before);
    }
    // What is done to the mounts is done to this process alone, and over when it ends: the test goes on in it.
    static void in_a_world_of_its_own(const std::function<void()>& body)
    {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
                ::_exit(2);
            body();
            ::_exit(HasFailure() ? 1 : 0);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
    }

    // Tells what the provider is doing as it does it.
    class ListeningHost final : public sdk::testing::FakeHost {
    public:
        void log(sdk::LogLevel level, std::string_view message) override
        {
            FakeHost::log(level, message);
            if (on_log)
                on_log(std::string(message));
        }
        std::function<void(const std::string&)> on_log;
    };

    ListeningHost host;
    sdk::testing::FakeCall call;
    Config config{4096};
    std::unique_ptr<sdk::Storage> storage;
};

TEST_F(Dm, WhatADiskHoldsIsPlainToSeeAndDisksShareTheirLayersLoop)
{
    const auto layer = new_layer();
    const auto one = new_disk(layer);
    const auto other = new_disk(layer);
    const auto first = must_attach(one);
    const auto second = must_attach(other);
    const auto& bound = first.handle.bound;
    EXPECT_EQ(bound.at("dm_name"), "banger-" + host.instance() + "-" + one.owner.vm + "-root");
    EXPECT_EQ(first.value.path, "/dev/mapper/" + bound.at("dm_name"));
    EXPECT_THAT(said({"dmsetup", "info", "-c", "--noheadings", "-o", "name,uuid", bound.at("dm_device")}),
                HasSubstr(bound.at("dm_name") + ":BANGER-" + host.instance()));
    EXPECT_THAT(said({"losetup", bound.at("cow_loop")}), HasSubstr(one.owner.directory + "/root.cow"));
    EXPECT_THAT(said({"losetup", bound.at("base_loop")}), HasSubstr(layer.path));
    EXPECT_EQ(second.handle.bound.at("base_loop"), bound.at("base_loop"));
    EXPECT_NE(second.handle.bound.at("cow_loop"), bound.at("cow_loop"));
    EXPECT_EQ(storage->inspect(first.handle)->facts.at("base_loop"), bound.at("base_loop"));

    // Both stand on one device that makes the layer as long as they are; it goes with the last.
    EXPECT_EQ(left_in_the_kernel().size(), 3U);
    ASSERT_TRUE(storage->release(first.handle));
    EXPECT_EQ(left_in_the_kernel().size(), 2U);
    EXPECT_TRUE(DiskBytes(second.value).holds('L', 0, block));
    ASSERT_TRUE(storage->release(second.handle));
    EXPECT_TRUE(left_in_the_kernel().empty());
}

TEST_F(Dm, NothingOfALoopDeviceIsLeft)
{
    const auto spec = new_disk(new_layer());
    const auto attached = must_attach(spec);
    ASSERT_TRUE(storage->release(attached.handle));
    said({"udevadm", "settle"});  // which looks at new devices, and so holds one for a moment
    EXPECT_THAT(said({"losetup", "--list"}), ::testing::Not(HasSubstr(host.directory())));
}

TEST_F(Dm, ANameThatSomebodyElseHasIsTheirs)
{
    const auto spec = new_disk(new_layer());
    const auto name = disk_name(host.instance(), spec.owner.vm, "root");
    said({"dmsetup", "create", name, "--uuid", "SOMEBODY-else", "--table", "0 8 zero"});
    expect_refused(spec, Code::exists, "not banger's");
    EXPECT_TRUE(storage->release({"storage/0", "dm", "root", spec.owner, {}}));
    EXPECT_FALSE(storage->inspect({"storage/0", "dm", "root", spec.owner, {}})->present);
    EXPECT_TRUE(storage->list()->empty());
    EXPECT_THAT(said({"dmsetup", "table", name}), HasSubstr("zero"));
    said({"dmsetup", "remove", name});
    EXPECT_TRUE(DiskBytes(must_attach(spec).value).holds('L', 0, block));
}

TEST_F(Dm, ALayerThatIsReplacedUnderARunningDiskHarmsNobodyAndIsNoticed)
{
    const auto layer = new_layer();
    const auto running = must_attach(new_disk(layer));
    const auto stopped = new_disk(layer);
    ASSERT_TRUE(os::write_file_atomic(layer.path + "-2", std::string(layer_bytes, 'X')));
    const timespec later{4000000000, 0};
    const timespec times[]{later, later};
    ASSERT_EQ(::utimensat(AT_FDCWD, (layer.path + "-2").c_str(), times, 0), 0);
    ASSERT_EQ(::rename((layer.path + "-2").c_str(), layer.path.c_str()), 0);
    expect_refused(stopped, Code::corrupt, "no longer the layer");
    EXPECT_TRUE(DiskBytes(running.value).holds('L', layer_bytes - block, block)) << "it has the file that was there";
}

TEST_F(Dm, ALayerThatIsTruncatedUnderARunningDiskIsNoticed)
{
    const auto layer = new_layer();
    const auto running = must_attach(new_disk(layer));
    const auto stopped = new_disk(layer);
    ASSERT_EQ(::truncate(layer.path.c_str(), 4096), 0);
    expect_refused(stopped, Code::corrupt, layer.path);
    sdk::DiskSpec over_it{host.new_owner(), "root", {layer.path, 4096, "raw"}, disk_bytes, "disk:raw"};
    ASSERT_TRUE(storage->create(over_it, call));  // it is a layer like any other, but its loop device is longer
    expect_refused(over_it, Code::corrupt, "when it was attached");
}

TEST_F(Dm, BelowTheReserveNothingIsMadeOrAttached)
{
    const auto layer = new_layer();
    const auto spec = new_disk(layer);
    storage = make_storage(host, {1ULL << 60U});
    expect_refused(spec, Code::no_space, "MiB are free");
    sdk::DiskSpec another{host.new_owner(), "root", layer, disk_bytes, "disk:raw"};
    EXPECT_EQ(to_string(storage->create(another, call).error().code), to_string(Code::no_space));
    EXPECT_TRUE(os::list_directory(another.owner.directory)->empty());
}

// The kernel gives a snapshot up for good when it cannot write to its cow. What was flushed before must not be lost.
TEST_F(Dm, AFullDiskOfTheHostCostsNoDataThatWasFlushed)
{
    const auto layer = new_layer();
    sdk::DiskSpec spec{host.new_owner(), "root", layer, disk_bytes, "disk:raw"};
    ASSERT_EQ(::mount("tmpfs", spec.owner.directory.c_str(), "tmpfs", 0, "size=12m,mode=0700"), 0);
    storage = make_storage(host, {4U << 20U});
    ASSERT_TRUE(storage->create(spec, call));
    const auto attached = must_attach(spec);
    ASSERT_TRUE(DiskBytes(attached.value).fill('F', 0, block));
    ASSERT_TRUE(DiskBytes(attached.value).fill('F', disk_bytes - block, block));

    bool failed = false;
    for (std::uint64_t offset = layer_bytes; !failed && offset < disk_bytes - block; offset += block) {
        (void)DiskBytes(attached.value).fill('X', offset, block);
        failed = device::health_of(attached.handle.bound.at("dm_name")).value_or(SnapshotHealth::unknown) ==
                 SnapshotHealth::failed;
    }
    ASSERT_TRUE(failed) << "the file system was never full";
    EXPECT_FALSE(DiskBytes(attached.value).holds('F', disk_bytes - block, block)) << "then this test shows nothing";
    EXPECT_EQ(storage->inspect(attached.handle)->facts.at("failed"), "true");
    const auto fork = make_storage_fork(host, {0});
    const auto frozen = fork->attach({spec, host.vms_directory() + "/layer"}, call);
    EXPECT_EQ(to_string(frozen.error().code), to_string(Code::precondition)) << frozen.error().message;

    ASSERT_TRUE(storage->release(attached.handle));
    expect_refused(spec, Code::no_space, "MiB are free");
    ASSERT_EQ(::mount(nullptr, spec.owner.directory.c_str(), nullptr, MS_REMOUNT, "size=64m"), 0);
    const auto again = must_attach(spec);
    ASSERT_EQ(call.warnings().size(), 1U);
    EXPECT_THAT(call.warnings().front(), HasSubstr("power cut"));
    EXPECT_FALSE(storage->inspect(again.handle)->facts.contains("failed"));
    EXPECT_TRUE(DiskBytes(again.value).holds('F', 0, block));
    EXPECT_TRUE(DiskBytes(again.value).holds('F', disk_bytes - block, block));
    EXPECT_TRUE(DiskBytes(again.value).holds('L', block, layer_bytes - block));
    EXPECT_TRUE(DiskBytes(again.value).fill('G', layer_bytes, block)) << "and it goes on";
    ASSERT_TRUE(storage->release(again.handle));
    EXPECT_TRUE(DiskBytes(must_attach(spec).value).holds('G', layer_bytes, block));
    ASSERT_TRUE(storage->release(again.handle));
    EXPECT_EQ(::umount2(spec.owner.directory.c_str(), MNT_DETACH), 0);
}

TEST_F(Dm, WhoClosesTheDiskSoonIsWaitedFor)
{
    const auto attached = must_attach(new_disk(new_layer()));
    os::UniqueFd vmm(::open(attached.value.path.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(vmm);
    host.on_log = [&](const std::string& line) {
        if (line.starts_with("wait for whoever has "))
            vmm.reset();
    };
    const auto released = storage->release(attached.handle);
    EXPECT_TRUE(released) << released.error().message;
    EXPECT_FALSE(vmm) << "nobody was waited for";
}

TEST_F(Dm, ADiskThatStaysOpenIsBusyInTheEnd)
{
    const auto attached = must_attach(new_disk(new_layer()));
    const os::UniqueFd vmm(::open(attached.value.path.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_TRUE(vmm);
    const auto removed =
        device::remove_once_closed(attached.handle.bound.at("dm_name"), std::chrono::milliseconds(100));
    ASSERT_FALSE(removed);
    EXPECT_EQ(to_string(removed.error().code), to_string(Code::busy));
    EXPECT_THAT(removed.error().hint, HasSubstr("fuser -v " + attached.value.path));
    EXPECT_TRUE(DiskBytes(attached.value).holds('L', 0, block)) << "it is as it was";
}

// Such as the device that makes the layer as long as its disks.
TEST_F(Dm, WhoClosesWhatDisksSharedSoonIsWaitedFor)
{
    const auto attached = must_attach(new_disk(new_layer()));
    auto looking = open_shared();
    ASSERT_TRUE(looking);
    host.on_log = [&](const std::string& line) {
        if (line.starts_with("wait for whoever has "))
            looking.reset();
    };
    const auto released = storage->release(attached.handle);
    EXPECT_TRUE(released) << released.error().message;
    EXPECT_FALSE(looking) << "nobody was waited for";
    EXPECT_TRUE(left_in_the_kernel().empty());
    said({"udevadm", "settle"});
    EXPECT_THAT(said({"losetup", "--list"}), ::testing::Not(HasSubstr(host.directory())));
}

TEST_F(Dm, WhatDisksSharedAndStaysOpenIsBusyInTheEndAndInNobodysWay)
{
    const auto spec = new_disk(new_layer());
    const auto first = must_attach(spec);
    const auto looking = open_shared();
    ASSERT_TRUE(looking);
    EXPECT_TRUE(LayerDevices::remove_unused_once_closed(host, std::chrono::milliseconds(0))) << "a disk stands on it";
    ASSERT_TRUE(device::remove_once_closed(first.handle.bound.at("dm_name"), std::chrono::seconds(5)));
    const auto removed = LayerDevices::remove_unused_once_closed(host, std::chrono::milliseconds(100));
    ASSERT_FALSE(removed);
    EXPECT_EQ(to_string(removed.error().code), to_string(Code::busy));
    EXPECT_THAT(removed.error().message, HasSubstr("longer-"));
    EXPECT_THAT(removed.error().hint, HasSubstr("fuser -v /dev/dm-"));

    host.on_log = [](const std::string& line) { EXPECT_FALSE(line.starts_with("wait for ")) << line; };
    const auto again = must_attach(spec);
    EXPECT_TRUE(DiskBytes(again.value).holds('L', 0, block));
    const auto other = must_attach(new_disk(new_layer()));
    EXPECT_TRUE(storage->release(other.handle)) << "what is open is in use again";
    host.on_log = {};
}

TEST_F(Dm, OtherChunksThanOursAreNotTaken)
{
    const auto attached = must_attach(new_disk(new_layer()));
    const std::string name = probe_name(host.instance());
    const std::string cow = host.directory() + "/odd.cow";
    ASSERT_TRUE(cow::make(cow, disk_bytes));
    {
        const os::UniqueFd file(::open(cow.c_str(), O_WRONLY | O_CLOEXEC));
        ASSERT_EQ(::pwrite(file.get(), "\x10", 1, 12), 1);  // the length of a chunk
    }
    auto loop = LoopDevice::over(cow, LoopDevice::Access::read_write);
    auto disk = device::own_state_of(attached.handle.bound.at("dm_name"));
    ASSERT_TRUE(loop && disk && *disk);
    const auto made = device::create_live(name, snapshot_table(disk_bytes / sector_bytes, (*disk)->number, loop->number()),
                                          device::Access::read_write);
    EXPECT_EQ(to_string(made ? Code::internal : made.error().code), to_string(Code::corrupt));
    EXPECT_FALSE(*device::own_state_of(name));
}

// As many lines as there are semaphores in the host, and one.
std::ptrdiff_t semaphores()
{
    const auto text = os::read_file("/proc/sysvipc/sem").value_or({});
    return std::count(text.begin(), text.end(), '\n');
}

TEST_F(Dm, WhereNoUdevRunsAllIsTheSame)
{
    const auto spec = new_disk(new_layer());
    in_a_world_of_its_own([&] {
        ASSERT_EQ(::mount("tmpfs", "/run/udev", "tmpfs", 0, nullptr), 0);
        const auto attached = must_attach(spec);
        EXPECT_TRUE(DiskBytes(attached.value).holds('L', 0, block));
        EXPECT_TRUE(storage->release(attached.handle));
        EXPECT_FALSE(std::filesystem::is_symlink(attached.value.path));
    });
}

// As in a container, whose /dev is somebody's own.
TEST_F(Dm, WhereTheKernelKeepsNoNodesTheyAreMade)
{
    const auto spec = new_disk(new_layer());
    const std::string devices = host.directory() + "/devices";
    in_a_world_of_its_own([&] {
        said({"sh", "-ec", "mkdir " + devices + "\n"
              "mount -t tmpfs tmpfs " + devices + "\n"
              "mkdir " + devices + "/mapper\n"
              "cp -a /dev/loop* /dev/null " + devices + "\n"
              "cp -a /dev/mapper/control " + devices + "/mapper\n"
              "mount --move " + devices + " /dev"});
        const auto attached = must_attach(spec);
        EXPECT_TRUE(DiskBytes(attached.value).holds('L', 0, block));
        EXPECT_TRUE(storage->release(attached.handle));
        EXPECT_FALSE(os::exists(attached.value.path));
    });
}

TEST_F(Dm, NobodyWaitsForUdevWhichLeavesDisksAlone)
{
    const auto spec = new_disk(new_layer());
    const auto before = semaphores();
    said({"udevadm", "control", "--stop-exec-queue"});
    const auto began = std::chrono::steady_clock::now();
    auto attached = must_attach(spec);
    EXPECT_TRUE(storage->release(attached.handle));
    attached = must_attach(spec);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(4));
    const std::string node = attached.handle.bound.at("dm_device");
    EXPECT_EQ(std::filesystem::canonical(attached.value.path), node);
    EXPECT_EQ(semaphores(), before) << "who is killed now leaves it";
    said({"udevadm", "control", "--start-exec-queue"});
    said({"udevadm", "settle"});
    EXPECT_EQ(std::filesystem::canonical(attached.value.path), node);
    EXPECT_EQ(said({"udevadm", "info", "--query=symlink", node}), "\n") << "and nobody looked for a file system on it";
    EXPECT_TRUE(DiskBytes(attached.value).holds('L', 0, block));
    ASSERT_TRUE(storage->release(attached.handle));
    EXPECT_FALSE(std::filesystem::is_symlink(attached.value.path));
}

TEST_F(Dm, AHostWithoutALoopDeviceSaysSo)
{
    const auto spec = new_disk(new_layer());
    in_a_world_of_its_own([&] {
        ASSERT_EQ(::mount("/dev/null", "/dev/loop-control", nullptr, MS_BIND, nullptr), 0);
        expect_refused(spec, Code::busy, "no loop device");
    });
    EXPECT_TRUE(DiskBytes(must_attach(spec).value).holds('L', 0, block));
}

// As in a container that was given some: the kernel names a free one, and there is no way to it.
TEST_F(Dm, AHostWhoseLoopDevicesAreAllTakenSaysSo)
{
    const auto spec = new_disk(new_layer());
    const std::string devices = host.directory() + "/devices";
    ASSERT_EQ(::mkdir(devices.c_str(), 0755), 0);
    in_a_world_of_its_own([&] {
        ASSERT_EQ(::mount("tmpfs", devices.c_str(), "tmpfs", 0, nullptr), 0);
        for (const std::string name : {"null", "mapper", "loop-control"}) {
            struct stat device {};
            ASSERT_EQ(::stat(("/dev/" + name).c_str(), &device), 0);
            const std::string place = devices + "/" + name;
            if (S_ISDIR(device.st_mode))
                ASSERT_EQ(::mkdir(place.c_str(), 0755), 0);
            else
                ASSERT_TRUE(sdk::os::write_file_atomic(place, ""));
            ASSERT_EQ(::mount(("/dev/" + name).c_str(), place.c_str(), nullptr, MS_BIND, nullptr), 0);
        }
        ASSERT_EQ(::mount(devices.c_str(), "/dev", nullptr, MS_MOVE, nullptr), 0);
        expect_refused(spec, Code::busy, "no loop device");
        EXPECT_TRUE(storage->list()->empty());
    });
    EXPECT_TRUE(DiskBytes(must_attach(spec).value).holds('L', 0, block));
}

TEST_F(Dm, AHostWithoutDeviceMapperOrTheRightToItIsNoPlaceForThisProvider)
{
    const auto spec = new_disk(new_layer());
    const auto probe_says = [&](const std::string& words) {
        const auto probe = storage->probe(call);
        ASSERT_TRUE(probe);
        EXPECT_FALSE(probe->usable);
        EXPECT_THAT(probe->reason, HasSubstr(words));
        EXPECT_FALSE(probe->hint.empty());
    };
    in_a_world_of_its_own([&] {
        ASSERT_EQ(::mount("tmpfs", "/dev/mapper", "tmpfs", 0, nullptr), 0);
        probe_says("no device-mapper");
        expect_refused(spec, Code::unsupported, "no device-mapper");
        EXPECT_TRUE(storage->list()->empty());
        EXPECT_TRUE(storage->release({"storage/0", "dm", "root", spec.owner, {}}));
    });
    in_a_world_of_its_own([&] {
        ASSERT_EQ(::setresuid(65534, 65534, 65534), 0);
        probe_says("root's");
        EXPECT_EQ(to_string(storage->list().error().code), to_string(Code::permission));
    });
    EXPECT_TRUE(storage->probe(call)->usable);
}

// The kernel brings the module by itself, unless it is told of no program that could.
TEST_F(Dm, AKernelWithoutTheModuleSaysSo)
{
    const auto spec = new_disk(new_layer());
    constexpr const char* setting = "/proc/sys/kernel/modprobe";
    const auto loader = os::read_file(setting);
    ASSERT_TRUE(loader);
    const auto set = [&](const std::string& program) {
        const os::UniqueFd fd(::open(setting, O_WRONLY | O_CLOEXEC));
        EXPECT_TRUE(os::write_all(fd.get(), program));
    };
    ASSERT_TRUE(storage->release(must_attach(spec).handle));  // so that it has the other targets
    said({"modprobe", "--remove", "dm-snapshot"});
    set("/bin/false");
    expect_refused(spec, Code::unsupported, "this kernel has no dm-snapshot");
    const auto probe = storage->probe(call);
    set(*loader);
    ASSERT_TRUE(probe);
    EXPECT_FALSE(probe->usable);
    EXPECT_THAT(probe->reason, HasSubstr("this kernel has no dm-snapshot"));
    EXPECT_THAT(probe->hint, HasSubstr("modprobe dm-snapshot"));
    EXPECT_TRUE(DiskBytes(must_attach(spec).value).holds('L', 0, block)) << "and now the kernel brings it";
}

/// A provider whose process is killed before each of its steps (KillWalk), or every n-th if BANGER_TEST_SAMPLE says so: what
/// there is then is found and goes, the disk is as good as it was, and a neighbour on the same layer is not touched.
class KilledDm : public Dm {
protected:
    using Verb = std::function<void(sdk::Storage&, const sdk::DiskSpec&)>;

    template <typename T>
    static void succeed_or_exit(const sdk::Result<T>& done)
    {
        if (!done)
            ::_exit(1);
    }
    void walk(const Verb& before, const Verb& verb)
    {
        const auto layer = new_layer();
        const auto neighbour = must_attach(new_disk(layer));
        const auto there = left_in_the_kernel();
        const char* sample = std::getenv("BANGER_TEST_SAMPLE");
        const unsigned every = sample == nullptr ? 1 : static_cast<unsigned>(std::max(std::atoi(sample), 1));
        for (unsigned step = 1; !HasFailure(); step += every) {
            SCOPED_TRACE("killed before step " + std::to_string(step));
            const auto spec = new_disk(layer);
            before(*storage, spec);
            const auto walked = sdk::testing::KillWalk::before_step(step, [&] { verb(*make_storage(host, config), spec); });
            ASSERT_TRUE(walked) << walked.error().message;
            // By its key alone, as the journal has it.
            const auto released = storage->release({"storage/0", "dm", "root", spec.owner, {}});
            EXPECT_TRUE(released) << released.error().message;
            EXPECT_EQ(left_in_the_kernel(), there);
            EXPECT_FALSE(std::filesystem::is_symlink(device::node_of(disk_name(host.instance(), spec.owner.vm, "root"))));
            const auto again = must_attach(spec);
            EXPECT_TRUE(DiskBytes(again.value).holds('L', 0, block));
            EXPECT_TRUE(storage->release(again.handle));
            EXPECT_TRUE(storage->destroy(spec.owner, "root"));
            EXPECT_TRUE(os::list_directory(spec.owner.directory)->empty());
            if (*walked == sdk::testing::Walked::finished) {
                EXPECT_GT(step, 1U) << "it took no step at all";
                break;
            }
        }
        EXPECT_TRUE(DiskBytes(neighbour.value).holds('L', layer_bytes - block, block));
    }
};

TEST_F(KilledDm, WhileADiskIsAttached)
{
    walk([](sdk::Storage&, const sdk::DiskSpec&) {},
         [&](sdk::Storage& killed, const sdk::DiskSpec& spec) { succeed_or_exit(killed.attach(spec, call)); });
}

TEST_F(KilledDm, WhileADiskIsReleased)
{
    walk([&](sdk::Storage&, const sdk::DiskSpec& spec) { (void)must_attach(spec); },
         [](sdk::Storage& killed, const sdk::DiskSpec& spec) {
             succeed_or_exit(killed.release({"storage/0", "dm", "root", spec.owner, {}}));
         });
}

}  // namespace
}  // namespace banger::dm
