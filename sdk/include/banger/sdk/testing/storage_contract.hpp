// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/storage.hpp"
#include "banger/sdk/testing/disk_bytes.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::sdk::testing {

/// A storage/0 provider for the contract.
struct StorageUnderTest {
    std::string name;                                     ///< what tests are called after
    std::function<std::unique_ptr<Storage>(Host&)> open;  ///< a fresh provider, as after a restart of the daemon
    std::string format = "disk:raw";                      ///< one word of what it offers
    bool data_in_directory = true;                        ///< a disk's data lies in the VM's directory
};

inline std::ostream& operator<<(std::ostream& out, const StorageUnderTest& storage)
{
    return out << storage.name;
}

/// What every storage/0 provider promises. Instantiate for each provider, each format and each fake:
///     INSTANTIATE_TEST_SUITE_P(File, StorageContract, ::testing::Values(StorageUnderTest{...}));
class StorageContract : public ::testing::TestWithParam<StorageUnderTest> {
protected:
    static constexpr std::uint64_t layer_bytes = (1U << 20U) + 4096;
    static constexpr std::uint64_t disk_bytes = 8U << 20U;
    static constexpr int layer_value = 0x11;
    static constexpr int written_value = 0x5a;

    void SetUp() override
    {
        storage = GetParam().open(host);
        ASSERT_NE(storage, nullptr);
    }
    void TearDown() override
    {
        if (storage == nullptr)
            return;
        for (const auto& handle : listed())
            EXPECT_TRUE(storage->release(handle));
        for (const auto& [owner, role] : made_)
            EXPECT_TRUE(storage->destroy(owner, role));
    }

    /// A disk of a new VM over a new layer that is full of layer_value.
    DiskSpec new_spec(FakeHost& of)
    {
        const std::string path = of.cache_directory() + "/layer-" + FakeHost::random_hex(8);
        const auto wrote = os::write_file_atomic(path, std::string(layer_bytes, static_cast<char>(layer_value)));
        EXPECT_TRUE(wrote) << wrote.error().message;
        return DiskSpec{of.new_owner(), "root", {path, layer_bytes}, disk_bytes, GetParam().format};
    }
    DiskSpec new_spec() { return new_spec(host); }

    void reopen() { storage = GetParam().open(host); }

    void must_create(const DiskSpec& spec)
    {
        const auto created = storage->create(spec, call);
        ASSERT_TRUE(created) << created.error().message;
        made_.emplace_back(spec.owner, spec.role);
    }
    Attached<Disk> must_attach(const DiskSpec& spec)
    {
        auto attached = storage->attach(spec, call);
        EXPECT_TRUE(attached) << attached.error().message;
        return attached ? *attached : Attached<Disk>{};
    }
    /// The handles of a disk that a journal would hold. None for a provider that needs no kernel object.
    std::vector<Handle> planned(const DiskSpec& spec)
    {
        auto plan = storage->plan(spec);
        EXPECT_TRUE(plan) << plan.error().message;
        return plan ? *plan : std::vector<Handle>{};
    }
    bool present(const Handle& handle)
    {
        auto inspection = storage->inspect(handle);
        EXPECT_TRUE(inspection) << inspection.error().message;
        return inspection && inspection->present;
    }
    std::vector<Handle> listed()
    {
        auto handles = storage->list();
        EXPECT_TRUE(handles) << handles.error().message;
        return handles ? *handles : std::vector<Handle>{};
    }
    /// The create fails with this code, and there is no disk, not even half of one.
    void expect_refused(const DiskSpec& spec, Code code)
    {
        const auto before = os::list_directory(spec.owner.directory);
        const auto created = storage->create(spec, call);
        ASSERT_FALSE(created);
        EXPECT_EQ(to_string(created.error().code), to_string(code)) << created.error().message;
        EXPECT_FALSE(created.error().message.empty());
        EXPECT_EQ(*os::list_directory(spec.owner.directory), *before);
        FakeCall unhurried;
        const auto attached = storage->attach(spec, unhurried);
        ASSERT_FALSE(attached);
        EXPECT_EQ(to_string(attached.error().code), to_string(Code::not_found)) << attached.error().message;
    }

    FakeHost host;
    FakeCall call;
    std::unique_ptr<Storage> storage;

private:
    std::vector<std::pair<Owner, std::string>> made_;
};

TEST_P(StorageContract, ProbeOffersTheFormat)
{
    const auto probe = storage->probe(call);
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_TRUE(probe->usable) << probe->reason;
    EXPECT_FALSE(probe->reason.empty());
    EXPECT_NE(std::find(probe->offers.begin(), probe->offers.end(), GetParam().format), probe->offers.end());
}

TEST_P(StorageContract, PlanTouchesNothing)
{
    const auto spec = new_spec();
    must_create(spec);
    const auto before = os::list_directory(spec.owner.directory);
    for (const auto& handle : planned(spec)) {
        EXPECT_TRUE(handle.bound.empty());
        EXPECT_FALSE(present(handle));
    }
    EXPECT_EQ(*os::list_directory(spec.owner.directory), *before);
    EXPECT_TRUE(listed().empty());
}

TEST_P(StorageContract, AnAttachedDiskIsWhatWasAskedFor)
{
    const auto spec = new_spec();
    must_create(spec);
    const auto [disk, handle] = must_attach(spec);
    EXPECT_EQ(disk.role, spec.role);
    EXPECT_EQ("disk:" + disk.format, spec.format);
    EXPECT_EQ(disk.bytes, spec.bytes);
    EXPECT_FALSE(disk.read_only);
    EXPECT_TRUE(os::exists(disk.path));
    EXPECT_EQ(disk.path.front(), '/');
    EXPECT_EQ(handle.kind, "storage/0");
    EXPECT_EQ(handle.key, spec.role);
    EXPECT_EQ(handle.owner.vm, spec.owner.vm);
}

TEST_P(StorageContract, ADiskReadsItsLayerAndZerosBeyond)
{
    const auto spec = new_spec();
    must_create(spec);
    const DiskBytes bytes(must_attach(spec).value);
    if (const auto reason = bytes.unreadable())
        GTEST_SKIP() << *reason;
    EXPECT_TRUE(bytes.holds(layer_value, 0, layer_bytes));
    EXPECT_TRUE(bytes.holds(0, layer_bytes, disk_bytes - layer_bytes));
}

TEST_P(StorageContract, AWriteStaysInTheDisk)
{
    const auto spec = new_spec();
    auto neighbour = new_spec();
    neighbour.layer = spec.layer;
    must_create(spec);
    must_create(neighbour);
    const DiskBytes bytes(must_attach(spec).value);
    if (const auto reason = bytes.unreadable())
        GTEST_SKIP() << *reason;
    EXPECT_TRUE(bytes.fill(written_value, 4096, 8192));
    EXPECT_TRUE(bytes.fill(written_value, disk_bytes - 4096, 4096));
    EXPECT_TRUE(bytes.holds(layer_value, 0, 4096));
    EXPECT_TRUE(bytes.holds(written_value, 4096, 8192));
    EXPECT_TRUE(bytes.holds(layer_value, 12288, 4096));
    EXPECT_TRUE(bytes.holds(written_value, disk_bytes - 4096, 4096));
    EXPECT_TRUE(DiskBytes(Disk{"", spec.layer.path, "raw", true, 0}).holds(layer_value, 0, layer_bytes));
    EXPECT_TRUE(DiskBytes(must_attach(neighbour).value).holds(layer_value, 0, layer_bytes));
}

TEST_P(StorageContract, DataSurvivesReleaseAndRestart)
{
    const auto spec = new_spec();
    must_create(spec);
    const auto attached = must_attach(spec);
    const DiskBytes bytes(attached.value);
    if (const auto reason = bytes.unreadable())
        GTEST_SKIP() << *reason;
    EXPECT_TRUE(bytes.fill(written_value, 65536, 65536));
    EXPECT_TRUE(storage->release(attached.handle));
    reopen();
    EXPECT_TRUE(DiskBytes(must_attach(spec).value).holds(written_value, 65536, 65536));
}

TEST_P(StorageContract, AttachGrowsAShorterDiskAndKeepsWhatIsInIt)
{
    auto spec = new_spec();
    must_create(spec);
    {
        const auto attached = must_attach(spec);
        const DiskBytes bytes(attached.value);
        if (const auto reason = bytes.unreadable())
            GTEST_SKIP() << *reason;
        EXPECT_TRUE(bytes.fill(written_value, 4096, 4096));
        EXPECT_TRUE(bytes.fill(written_value, disk_bytes - 4096, 4096));
        EXPECT_TRUE(storage->release(attached.handle));
    }
    // Across what the tables of image formats count in: 64 KiB, 512 MiB, and all that they hold at first.
    for (const std::uint64_t longer : {disk_bytes + 4096, std::uint64_t{1} << 30U, std::uint64_t{9} << 40U}) {
        spec.bytes = longer;
        const auto grown = must_attach(spec);
        EXPECT_EQ(grown.value.bytes, longer);
        const DiskBytes bytes(grown.value);
        EXPECT_TRUE(bytes.holds(layer_value, 0, 4096));
        EXPECT_TRUE(bytes.holds(written_value, 4096, 4096));
        EXPECT_TRUE(bytes.holds(written_value, disk_bytes - 4096, 4096));
        EXPECT_TRUE(bytes.holds(0, disk_bytes, 4096));
        EXPECT_TRUE(bytes.holds(0, longer - 4096, 4096));
        EXPECT_TRUE(bytes.fill(0, longer - 4096, 4096));
        EXPECT_TRUE(storage->release(grown.handle));
        reopen();
    }
}

TEST_P(StorageContract, AttachNeverCutsALongerDisk)
{
    auto spec = new_spec();
    must_create(spec);
    spec.bytes = disk_bytes - 4096;
    const auto attached = must_attach(spec);
    EXPECT_EQ(attached.value.bytes, disk_bytes);
    EXPECT_TRUE(storage->release(attached.handle));
    spec.bytes = disk_bytes + 1;
    const auto uneven = storage->attach(spec, call);
    ASSERT_FALSE(uneven);
    EXPECT_EQ(to_string(uneven.error().code), to_string(Code::invalid)) << uneven.error().message;
    spec.bytes = disk_bytes;
    EXPECT_EQ(must_attach(spec).value.bytes, disk_bytes);
}

TEST_P(StorageContract, InspectSaysHowLargeTheDiskIs)
{
    auto spec = new_spec();
    const Handle handle{"storage/0", "whoever", spec.role, spec.owner, {}};  // from the key alone
    const auto number = [&](const char* fact) -> std::uint64_t {
        auto inspection = storage->inspect(handle);
        EXPECT_TRUE(inspection) << inspection.error().message;
        const auto found = inspection->facts.find(fact);
        return found == inspection->facts.end() ? 0 : std::stoull(found->second);
    };
    EXPECT_EQ(number("bytes"), 0U) << "there is no disk yet";
    must_create(spec);
    EXPECT_EQ(number("bytes"), disk_bytes);
    const auto allocated = number("allocated_bytes");
    EXPECT_GT(number("apparent_bytes"), 0U);
    spec.bytes = 2 * disk_bytes;
    const auto attached = must_attach(spec);
    EXPECT_EQ(number("bytes"), 2 * disk_bytes);
    const DiskBytes bytes(attached.value);
    if (const auto reason = bytes.unreadable())
        GTEST_SKIP() << *reason;
    EXPECT_TRUE(bytes.fill(written_value, disk_bytes, 1U << 20U));
    EXPECT_GE(number("allocated_bytes"), allocated + (1U << 20U));
    EXPECT_TRUE(storage->release(attached.handle));
    EXPECT_EQ(number("bytes"), 2 * disk_bytes) << "released, and still the user's";
}

TEST_P(StorageContract, ReleaseIsIdempotentAndWorksAfterARestart)
{
    const auto spec = new_spec();
    must_create(spec);
    const auto handle = must_attach(spec).handle;
    reopen();
    EXPECT_TRUE(storage->release(handle));
    EXPECT_TRUE(storage->release(handle));
    EXPECT_FALSE(present(handle));
    EXPECT_TRUE(listed().empty());
}

TEST_P(StorageContract, WhatWasPlannedIsPresentWhileAttachedAndNothingElseIs)
{
    const auto spec = new_spec();
    must_create(spec);
    const auto handles = planned(spec);
    const auto attached = must_attach(spec);
    reopen();
    const auto found = listed();
    EXPECT_EQ(found.size(), handles.size());
    for (const auto& handle : handles) {
        EXPECT_TRUE(present(handle)) << handle.key;
        EXPECT_TRUE(std::any_of(found.begin(), found.end(), [&](const Handle& other) {
            return other.key == handle.key && other.owner.vm == handle.owner.vm;
        })) << handle.key;
    }
    // A provider that plans nothing holds nothing, so the handle it returns is never found present.
    EXPECT_EQ(present(attached.handle), !handles.empty());
    for (const auto& handle : handles)
        EXPECT_TRUE(storage->release(handle));
    EXPECT_FALSE(present(attached.handle));
    EXPECT_TRUE(listed().empty());
}

TEST_P(StorageContract, ListFindsNothingOfOtherInstances)
{
    FakeHost other_host;
    const auto other = GetParam().open(other_host);
    auto spec = new_spec(other_host);
    ASSERT_TRUE(other->create(spec, call));
    const auto attached = other->attach(spec, call);
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_TRUE(listed().empty());
    EXPECT_TRUE(other->release(attached->handle));
    EXPECT_TRUE(other->destroy(spec.owner, spec.role));
}

TEST_P(StorageContract, DisksOfOneVmAreApart)
{
    const auto root = new_spec();
    auto work = root;
    work.role = "work";
    must_create(root);
    must_create(work);
    const DiskBytes bytes(must_attach(root).value);
    if (const auto reason = bytes.unreadable())
        GTEST_SKIP() << *reason;
    EXPECT_TRUE(bytes.fill(written_value, 0, 4096));
    EXPECT_TRUE(DiskBytes(must_attach(work).value).holds(layer_value, 0, 4096));
}

TEST_P(StorageContract, CreatingTwiceIsRefusedAndKeepsTheData)
{
    const auto spec = new_spec();
    must_create(spec);
    const auto attached = must_attach(spec);
    const DiskBytes bytes(attached.value);
    if (const auto reason = bytes.unreadable())
        GTEST_SKIP() << *reason;
    EXPECT_TRUE(bytes.fill(written_value, 0, 4096));
    EXPECT_TRUE(storage->release(attached.handle));
    const auto again = storage->create(spec, call);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Code::exists) << again.error().message;
    EXPECT_TRUE(DiskBytes(must_attach(spec).value).holds(written_value, 0, 4096));
}

TEST_P(StorageContract, WhatWasNeverCreatedIsNotFound)
{
    const auto attached = storage->attach(new_spec(), call);
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().code, Code::not_found) << attached.error().message;
}

TEST_P(StorageContract, DestroyIsIdempotentAndMakesRoomForANewDisk)
{
    const auto spec = new_spec();
    const auto empty = os::list_directory(spec.owner.directory);
    EXPECT_TRUE(storage->destroy(spec.owner, spec.role));
    must_create(spec);
    const auto attached = must_attach(spec);
    const DiskBytes bytes(attached.value);
    if (const auto reason = bytes.unreadable())
        GTEST_SKIP() << *reason;
    EXPECT_TRUE(bytes.fill(written_value, 0, 4096));
    EXPECT_TRUE(storage->release(attached.handle));
    reopen();
    EXPECT_TRUE(storage->destroy(spec.owner, spec.role));
    EXPECT_TRUE(storage->destroy(spec.owner, spec.role));
    EXPECT_EQ(*os::list_directory(spec.owner.directory), *empty);
    const auto gone = storage->attach(spec, call);
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, Code::not_found);
    must_create(spec);
    EXPECT_TRUE(DiskBytes(must_attach(spec).value).holds(layer_value, 0, 4096));
}

TEST_P(StorageContract, AnAttachmentThatIsAnObjectKeepsItsDiskFromBeingDestroyed)
{
    const auto spec = new_spec();
    must_create(spec);
    const auto attached = must_attach(spec);
    const auto destroyed = storage->destroy(spec.owner, spec.role);
    EXPECT_EQ(destroyed.has_value(), planned(spec).empty());
    if (!destroyed) {
        EXPECT_EQ(destroyed.error().code, Code::busy);
    }
    EXPECT_TRUE(storage->release(attached.handle));
    EXPECT_TRUE(storage->destroy(spec.owner, spec.role));
}

TEST_P(StorageContract, NonsenseIsRefusedAndLeavesNothing)
{
    auto spec = new_spec();
    spec.bytes = layer_bytes - 4096;
    expect_refused(spec, Code::invalid);
    spec.bytes = 0;
    expect_refused(spec, Code::invalid);
    spec.bytes = disk_bytes + 1;
    expect_refused(spec, Code::invalid);
    spec.bytes = disk_bytes;
    spec.format = "disk:punched-cards";
    expect_refused(spec, Code::unsupported);
}

TEST_P(StorageContract, AMissingOrChangedLayerIsRefused)
{
    auto spec = new_spec();
    ASSERT_EQ(::truncate(spec.layer.path.c_str(), 4096), 0);
    expect_refused(spec, Code::corrupt);
    ASSERT_TRUE(os::remove_file(spec.layer.path));
    expect_refused(spec, Code::not_found);
}

TEST_P(StorageContract, ADiskWhoseLayerIsGoneIsRefusedOrWhole)
{
    const auto spec = new_spec();
    must_create(spec);
    ASSERT_TRUE(os::remove_file(spec.layer.path));
    const auto attached = storage->attach(spec, call);
    if (attached) {
        EXPECT_TRUE(DiskBytes(attached->value).holds(layer_value, 0, layer_bytes));
    } else {
        EXPECT_EQ(attached.error().code, Code::not_found) << attached.error().message;
    }
}

TEST_P(StorageContract, ACancelledCreateLeavesNothing)
{
    call.cancel();
    expect_refused(new_spec(), Code::cancelled);
}

TEST_P(StorageContract, CreationTakesNoLongerForALargeLayer)
{
    auto spec = new_spec();
    spec.layer.bytes = 64ULL << 30U;
    spec.bytes = 80ULL << 30U;
    if (::truncate(spec.layer.path.c_str(), static_cast<off_t>(spec.layer.bytes)) != 0)
        GTEST_SKIP() << "no file here can be 64 GiB long";
    const auto start = std::chrono::steady_clock::now();
    must_create(spec);
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
    RecordProperty("create_us", static_cast<int>(took.count()));
    EXPECT_LT(took, std::chrono::seconds(5));  // copying would take minutes; how fast it really is belongs in bench
    const DiskBytes bytes(must_attach(spec).value);
    if (const auto reason = bytes.unreadable())
        GTEST_SKIP() << *reason;
    EXPECT_TRUE(bytes.holds(layer_value, 0, layer_bytes));
    EXPECT_TRUE(bytes.fill(written_value, spec.bytes - 4096, 4096));
    EXPECT_TRUE(bytes.holds(written_value, spec.bytes - 4096, 4096));
}

TEST_P(StorageContract, AFullFileSystemLeavesNothing)
{
    if (!GetParam().data_in_directory)
        GTEST_SKIP() << "this provider keeps its data elsewhere";
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can mount a small file system to fill";
    const auto spec = new_spec();
    const std::string& directory = spec.owner.directory;
    if (::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=128k,mode=0700") != 0)
        GTEST_SKIP() << "no tmpfs can be mounted here";
    {
        const os::UniqueFd filler(::open((directory + "/filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        const std::string page(4096, 'x');
        while (::write(filler.get(), page.data(), page.size()) == static_cast<ssize_t>(page.size())) {
        }
    }
    // A disk that shares blocks with its layer cannot be on a file system of its own in the first place.
    const auto refused = storage->create(spec, call);
    EXPECT_TRUE(!refused && (refused.error().code == Code::no_space || refused.error().code == Code::unsupported));
    expect_refused(spec, refused ? Code::no_space : refused.error().code);
    EXPECT_EQ(::umount2(directory.c_str(), MNT_DETACH), 0);
}

}  // namespace banger::sdk::testing
