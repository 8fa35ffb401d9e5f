// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "banger/sdk/storage_fork.hpp"
#include "banger/sdk/testing/storage_contract.hpp"

namespace banger::sdk::testing {

/// A storage.fork/0 provider for the contract, with the storage/0 provider whose disks it freezes.
struct StorageForkUnderTest {
    std::string name;  ///< what tests are called after
    std::function<std::unique_ptr<Storage>(Host&)> open_storage;
    std::function<std::unique_ptr<StorageFork>(Host&)> open;  ///< a fresh provider, as after a restart of the daemon
    std::string format = "disk:raw";                          ///< one word of what the storage offers
};

inline std::ostream& operator<<(std::ostream& out, const StorageForkUnderTest& fork)
{
    return out << fork.name;
}

/// What every storage.fork/0 provider promises. Instantiate for each provider, each format and each fake.
/// The test itself is the machine: it writes where the provider says, between writes it stands still.
class StorageForkContract : public ::testing::TestWithParam<StorageForkUnderTest> {
protected:
    static constexpr std::uint64_t disk_bytes = 4U << 20U;
    static constexpr std::uint64_t block = 65536;

    void SetUp() override
    {
        storage = GetParam().open_storage(host);
        fork = GetParam().open(host);
        ASSERT_NE(storage, nullptr);
        ASSERT_NE(fork, nullptr);
        spec.disk = disk_over(host.cache_directory() + "/image");
        spec.layer_path = host.vms_directory() + "/frozen-layer";
        ASSERT_TRUE(os::write_file_atomic(spec.disk.layer.path, std::string(disk_bytes, '\x11')));
        must_create(spec.disk);
        disk = must_attach(spec.disk);
        if (const auto reason = DiskBytes(disk).unreadable())
            GTEST_SKIP() << *reason;
        ASSERT_TRUE(DiskBytes(disk).fill(1, 0, block));
    }
    void TearDown() override
    {
        for (const auto& handle : fork->list().value_or({}))
            EXPECT_TRUE(fork->release(handle));
        for (const auto& handle : storage->list().value_or({}))
            EXPECT_TRUE(storage->release(handle));
        for (const auto& owned : made_)
            EXPECT_TRUE(storage->destroy(owned, "root"));
    }

    DiskSpec disk_over(const std::string& path)
    {
        return {host.new_owner(), "root", {path, disk_bytes, "raw"}, disk_bytes, GetParam().format};
    }
    void must_create(const DiskSpec& of)
    {
        const auto created = storage->create(of, call);
        ASSERT_TRUE(created) << created.error().message;
        made_.push_back(of.owner);
    }
    Disk must_attach(const DiskSpec& of)
    {
        auto attached = storage->attach(of, call);
        EXPECT_TRUE(attached) << attached.error().message;
        return attached ? attached->value : Disk{};
    }
    Attached<Freeze> must_begin()
    {
        auto begun = fork->attach(spec, call);
        EXPECT_TRUE(begun) << begun.error().message;
        return begun ? *begun : Attached<Freeze>{};
    }
    /// The instant, and from then on the machine writes to `disk`.
    Layer must_freeze()
    {
        const auto [freeze, handle] = must_begin();
        if (freeze.top)
            disk = *freeze.top;
        auto layer = fork->commit(handle);
        EXPECT_TRUE(layer) << layer.error().message;
        return layer ? *layer : Layer{};
    }
    bool under_way()
    {
        const auto plan = fork->plan(spec);
        EXPECT_TRUE(plan);
        const auto inspection = fork->inspect(plan->at(0));
        EXPECT_TRUE(inspection) << inspection.error().message;
        return inspection && inspection->present;
    }

    FakeHost host;
    FakeCall call;
    std::unique_ptr<Storage> storage;
    std::unique_ptr<StorageFork> fork;
    FreezeSpec spec;
    Disk disk;  ///< where the machine writes now

private:
    std::vector<Owner> made_;
};

TEST_P(StorageForkContract, ProbeSaysItCanWork)
{
    const auto probe = fork->probe(call);
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_TRUE(probe->usable) << probe->reason;
    EXPECT_FALSE(probe->reason.empty());
}

TEST_P(StorageForkContract, PlanTouchesNothing)
{
    const auto before = os::list_directory(spec.disk.owner.directory);
    const auto plan = fork->plan(spec);
    ASSERT_TRUE(plan);
    ASSERT_EQ(plan->size(), 1U);
    EXPECT_EQ(plan->at(0).kind, "storage.fork/0");
    EXPECT_EQ(*os::list_directory(spec.disk.owner.directory), *before);
    EXPECT_FALSE(under_way());
    EXPECT_TRUE(fork->list()->empty());
}

TEST_P(StorageForkContract, AFrozenDiskGoesOnAndItsLayerDoesNotChange)
{
    const Layer layer = must_freeze();
    EXPECT_EQ(layer.path, spec.layer_path);
    EXPECT_EQ(layer.bytes, disk_bytes);
    EXPECT_TRUE(DiskBytes(disk).holds(1, 0, block)) << "what was there before";
    ASSERT_TRUE(DiskBytes(disk).fill(2, 0, block));
    ASSERT_TRUE(DiskBytes(disk).fill(3, 2 * block, block));
    const DiskBytes frozen(Disk{"root", layer.path, layer.format, true, layer.bytes});
    EXPECT_TRUE(frozen.holds(1, 0, block));
    EXPECT_TRUE(frozen.holds(0x11, block, 3 * block));
}

TEST_P(StorageForkContract, ADiskOverTheLayerHasWhatTheFirstHadAtThatInstant)
{
    const Layer layer = must_freeze();
    ASSERT_TRUE(DiskBytes(disk).fill(2, 0, block));
    DiskSpec child = disk_over("");
    child.layer = layer;
    must_create(child);
    const DiskBytes bytes(must_attach(child));
    EXPECT_TRUE(bytes.holds(1, 0, block));
    EXPECT_TRUE(bytes.holds(0x11, block, disk_bytes - block));
    ASSERT_TRUE(bytes.fill(4, 0, block));
    EXPECT_TRUE(DiskBytes(disk).holds(2, 0, block)) << "a child's write stays its own";
    EXPECT_TRUE(DiskBytes(Disk{"root", layer.path, layer.format, true, 0}).holds(1, 0, block));
}

TEST_P(StorageForkContract, AFrozenDiskIsAttachedAgainAfterARestart)
{
    const bool new_top = must_begin().value.top.has_value();
    const auto plan = fork->plan(spec);
    fork = GetParam().open(host);
    auto layer = fork->commit(plan->at(0));
    ASSERT_TRUE(layer) << "commit needs the key alone: " << layer.error().message;
    ASSERT_TRUE(storage->release({"storage/0", "", "root", spec.disk.owner, {}}));
    storage = GetParam().open_storage(host);
    DiskSpec again = spec.disk;
    if (new_top)
        again.layer = *layer;
    EXPECT_TRUE(DiskBytes(must_attach(again)).holds(1, 0, block));
}

TEST_P(StorageForkContract, AFreezeOfAFreezeOfAFreeze)
{
    std::vector<Layer> layers;
    for (int round = 2; round < 5; ++round) {
        spec.layer_path = host.vms_directory() + "/layer-" + std::to_string(round);
        const bool new_top = [&] {
            const auto [freeze, handle] = must_begin();
            if (freeze.top)
                disk = *freeze.top;
            const auto layer = fork->commit(handle);
            EXPECT_TRUE(layer) << layer.error().message;
            layers.push_back(layer ? *layer : Layer{});
            return freeze.top.has_value();
        }();
        if (new_top)
            spec.disk.layer = layers.back();
        ASSERT_TRUE(DiskBytes(disk).fill(round, 0, block));
    }
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(DiskBytes(Disk{"root", layers[i].path, layers[i].format, true, 0}).holds(i + 1, 0, block)) << i;
    EXPECT_TRUE(DiskBytes(disk).holds(4, 0, block));
}

TEST_P(StorageForkContract, CommitAndReleaseCanBeRepeated)
{
    const auto [freeze, handle] = must_begin();
    EXPECT_TRUE(under_way());
    ASSERT_TRUE(fork->commit(handle));
    EXPECT_FALSE(under_way());
    const auto again = fork->commit(handle);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->bytes, disk_bytes);
    EXPECT_TRUE(fork->release(handle));
    EXPECT_TRUE(fork->release(handle));
    EXPECT_TRUE(os::exists(spec.layer_path)) << "a layer that was committed stays";
}

TEST_P(StorageForkContract, AFreezeThatNobodyCarriesOnIsFoundAndEndedWithTheDiskWhole)
{
    const bool new_top = must_begin().value.top.has_value();
    fork = GetParam().open(host);
    const auto found = fork->list();
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(found->at(0).owner.vm, spec.disk.owner.vm);
    EXPECT_EQ(found->at(0).owner.directory, spec.disk.owner.directory);
    EXPECT_TRUE(under_way());
    ASSERT_TRUE(fork->release(found->at(0)));
    EXPECT_FALSE(under_way());
    EXPECT_TRUE(fork->list()->empty());
    ASSERT_TRUE(storage->release({"storage/0", "", "root", spec.disk.owner, {}}));
    // Frozen or never frozen: either way the disk has what was written.
    DiskSpec again = spec.disk;
    if (new_top && os::exists(spec.layer_path))
        again.layer = Layer{spec.layer_path, disk_bytes, disk.format};
    EXPECT_TRUE(DiskBytes(must_attach(again)).holds(1, 0, block));
}

TEST_P(StorageForkContract, OneFreezeAtATimeAndNoLayerTwice)
{
    const auto [freeze, handle] = must_begin();
    FreezeSpec other = spec;
    other.layer_path += "-2";
    auto second = fork->attach(other, call);
    ASSERT_FALSE(second);
    EXPECT_EQ(to_string(second.error().code), to_string(Code::busy)) << second.error().message;
    ASSERT_TRUE(fork->commit(handle));
    if (freeze.top)
        disk = *freeze.top;
    auto twice = fork->attach(spec, call);
    ASSERT_FALSE(twice);
    EXPECT_EQ(to_string(twice.error().code), to_string(Code::exists)) << twice.error().message;
    EXPECT_FALSE(under_way());
}

TEST_P(StorageForkContract, WhatCannotBeFrozenLeavesNothing)
{
    const auto before = os::list_directory(spec.disk.owner.directory);
    FreezeSpec missing = spec;
    missing.disk.role = "work";
    auto begun = fork->attach(missing, call);
    ASSERT_FALSE(begun);
    EXPECT_EQ(to_string(begun.error().code), to_string(Code::not_found)) << begun.error().message;
    FakeCall cancelled;
    cancelled.cancel();
    begun = fork->attach(spec, cancelled);
    ASSERT_FALSE(begun);
    EXPECT_EQ(to_string(begun.error().code), to_string(Code::cancelled)) << begun.error().message;
    EXPECT_EQ(*os::list_directory(spec.disk.owner.directory), *before);
    EXPECT_FALSE(os::exists(spec.layer_path));
    EXPECT_EQ(to_string(fork->commit(fork->plan(spec)->at(0)).error().code), to_string(Code::not_found));
}

}  // namespace banger::sdk::testing
