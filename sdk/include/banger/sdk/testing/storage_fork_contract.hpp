// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "banger/sdk/storage_fork.hpp"
#include "banger/sdk/testing/kill_walk.hpp"
#include "banger/sdk/testing/storage_contract.hpp"

namespace banger::sdk::testing {

/// A storage.fork/0 provider for the contract, with the storage/0 provider whose disks it freezes.
struct StorageForkUnderTest {
    std::string name;  ///< what tests are called after
    std::function<std::unique_ptr<Storage>(Host&)> open_storage;
    std::function<std::unique_ptr<StorageFork>(Host&)> open;  ///< a fresh provider, as after a restart of the daemon
    std::string format = "disk:raw";                          ///< one word of what the storage offers
    /// How StorageForkKillContract runs a verb that is killed before a step: KillWalk::before_step, or what is like it for a
    /// provider in a process that is not started here.
    std::function<Result<Walked>(unsigned n, const std::function<void()>& body)> kill_before = KillWalk::before_step;
};

inline std::ostream& operator<<(std::ostream& out, const StorageForkUnderTest& fork)
{
    return out << fork.name;
}

/// The machine of these tests: it has its disk open for writing, as every VMM has that lives, and writes when it is
/// told to. Between writes it stands still.
class WritingMachine {
public:
    void start(const Disk& disk)
    {
        disk_ = disk;
        open_ = os::UniqueFd(::open(disk.path.c_str(), O_RDWR | O_CLOEXEC));
        EXPECT_TRUE(open_) << disk.path;
    }
    void die() { open_.reset(); }
    [[nodiscard]] bool lives() const { return static_cast<bool>(open_); }
    [[nodiscard]] const Disk& disk() const { return disk_; }
    [[nodiscard]] ::testing::AssertionResult writes(int value, std::uint64_t offset, std::uint64_t length) const
    {
        return DiskBytes(disk_).fill(value, offset, length);
    }

private:
    Disk disk_;
    os::UniqueFd open_;
};

/// What every storage.fork/0 provider promises. Instantiate for each provider, each format and each fake.
class StorageForkContract : public ::testing::TestWithParam<StorageForkUnderTest> {
protected:
    static constexpr std::uint64_t disk_bytes = 4U << 20U;
    static constexpr std::uint64_t block = 65536;
    static constexpr int image_value = 0x11;

    void SetUp() override
    {
        storage = GetParam().open_storage(host);
        fork = GetParam().open(host);
        ASSERT_NE(storage, nullptr);
        ASSERT_NE(fork, nullptr);
        ASSERT_TRUE(os::write_file_atomic(image_path(), std::string(disk_bytes, static_cast<char>(image_value))));
        start_anew();
        if (const auto reason = DiskBytes(machine.disk()).unreadable())
            GTEST_SKIP() << *reason;
        ASSERT_TRUE(machine.writes(1, 0, block));
    }
    void TearDown() override
    {
        machine.die();
        for (const auto& begun : fork->list().value_or({}))
            EXPECT_TRUE(fork->release(begun));
        release_disks();
        for (const auto& owned : made_) {
            const auto destroyed = storage->destroy(owned, "root");
            EXPECT_TRUE(destroyed) << destroyed.error().message;
        }
    }

    void release_disks()
    {
        machine.die();
        for (const auto& attached : storage->list().value_or({}))
            EXPECT_TRUE(storage->release(attached));
    }

    [[nodiscard]] std::string image_path() const { return host.cache_directory() + "/image"; }
    DiskSpec disk_over(const Layer& layer) { return {host.new_owner(), "root", layer, disk_bytes, GetParam().format}; }

    /// A machine with a new disk over the image, and a freeze of it to come.
    void start_anew()
    {
        spec.disk = disk_over({image_path(), disk_bytes, "raw"});
        spec.layer_path = host.vms_directory() + "/frozen-" + spec.disk.owner.vm;
        must_create(spec.disk);
        machine.start(must_attach(spec.disk));
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
    /// What was written to the disk up to this value, each to a block of its own, is what its VM's next start finds.
    void expect_kept(int last)
    {
        std::vector<DiskBytes::Range> written;
        for (int value = 1; value <= last; ++value)
            written.push_back({value, static_cast<std::uint64_t>(value - 1) * block, block});
        EXPECT_TRUE(DiskBytes(after_a_restart()).holds(written));
    }
    /// The disk as the next start of its VM finds it, in a new daemon.
    Disk after_a_restart()
    {
        machine.die();
        EXPECT_TRUE(storage->release({"storage/0", "", "root", spec.disk.owner, {}}));
        storage = GetParam().open_storage(host);
        return must_attach(spec.disk);
    }
    Attached<Freeze> must_begin()
    {
        auto begun = fork->attach(spec, call);
        EXPECT_TRUE(begun) << begun.error().message;
        return begun ? *begun : Attached<Freeze>{};
    }
    /// The machine goes where the freeze says.
    void follow(const Freeze& freeze)
    {
        if (freeze.top)
            machine.start(*freeze.top);
    }
    /// A freeze from its beginning to its end.
    Layer must_freeze()
    {
        const auto [freeze, handle] = must_begin();
        follow(freeze);
        auto layer = fork->commit(handle);
        EXPECT_TRUE(layer) << layer.error().message;
        EXPECT_TRUE(fork->release(handle));
        return layer ? *layer : Layer{};
    }
    /// By its key alone, as a daemon knows it that did not begin it.
    Handle handle()
    {
        const auto plan = fork->plan(spec);
        EXPECT_TRUE(plan);
        return plan->at(0);
    }
    bool under_way() { return inspected().present; }
    bool frozen() { return inspected().facts["frozen"] == "yes"; }
    Inspection inspected()
    {
        auto inspection = fork->inspect(handle());
        EXPECT_TRUE(inspection) << inspection.error().message;
        return inspection.value_or({});
    }
    /// What a layer holds: looked at as it lies there, or as a disk over it has it where only its provider can read it.
    ::testing::AssertionResult holds(const Layer& layer, const std::vector<DiskBytes::Range>& ranges)
    {
        const Disk as_it_is{"root", layer.path, layer.format, true, layer.bytes};
        if (DiskBytes::knows(layer.format))
            return DiskBytes(as_it_is).holds(ranges);
        const DiskSpec over = disk_over(layer);
        must_create(over);
        auto held = DiskBytes(must_attach(over)).holds(ranges);
        EXPECT_TRUE(storage->release({"storage/0", "", "root", over.owner, {}}));
        return held;
    }
    /// Its beginning and nothing else, as it was before this machine wrote more.
    void expect_whole(const Layer& layer, int first = 1)
    {
        EXPECT_TRUE(holds(layer, {{first, 0, block}, {image_value, block, disk_bytes - block}}));
        struct stat status {};
        EXPECT_EQ(::stat(layer.path.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0222, 0U) << layer.path << " can be written to";
    }

    FakeHost host;
    FakeCall call;
    std::unique_ptr<Storage> storage;
    std::unique_ptr<StorageFork> fork;
    FreezeSpec spec;
    WritingMachine machine;

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
    EXPECT_TRUE(DiskBytes(machine.disk()).holds(1, 0, block)) << "what was there before";
    ASSERT_TRUE(machine.writes(2, 0, block));
    ASSERT_TRUE(machine.writes(3, 2 * block, block));
    expect_whole(layer);
}

TEST_P(StorageForkContract, ADiskOverTheLayerHasWhatTheFirstHadAtThatInstant)
{
    const Layer layer = must_freeze();
    ASSERT_TRUE(machine.writes(2, 0, block));
    const DiskSpec child = disk_over(layer);
    must_create(child);
    const DiskBytes bytes(must_attach(child));
    EXPECT_TRUE(bytes.holds(1, 0, block));
    EXPECT_TRUE(bytes.holds(image_value, block, disk_bytes - block));
    ASSERT_TRUE(bytes.fill(4, 0, block));
    EXPECT_TRUE(DiskBytes(machine.disk()).holds(2, 0, block)) << "a child's write stays its own";
    expect_whole(layer);
}

TEST_P(StorageForkContract, AFrozenDiskIsAttachedByWhatItWasMadeOverAndSaysWhatItStandsOn)
{
    const bool moved = [&] {
        const auto freeze = must_begin().value;
        follow(freeze);
        return freeze.top.has_value();
    }();
    fork = GetParam().open(host);
    const auto layer = fork->commit(handle());
    ASSERT_TRUE(layer) << "commit needs the key alone: " << layer.error().message;
    ASSERT_TRUE(fork->release(handle()));
    ASSERT_TRUE(machine.writes(2, block, block));
    const Disk disk = after_a_restart();  // the record knows nothing of the freeze
    EXPECT_TRUE(DiskBytes(disk).holds(1, 0, block));
    EXPECT_TRUE(DiskBytes(disk).holds(2, block, block));
    if (moved || disk.layer) {
        ASSERT_TRUE(disk.layer);
        EXPECT_EQ(disk.layer->path, layer->path);
        EXPECT_EQ(disk.layer->bytes, layer->bytes);
        EXPECT_EQ(disk.layer->format, layer->format);
        ASSERT_TRUE(storage->release({"storage/0", "", "root", spec.disk.owner, {}}));
        spec.disk.layer = *disk.layer;  // and now it does
        EXPECT_TRUE(DiskBytes(must_attach(spec.disk)).holds(2, block, block));
    }
}

TEST_P(StorageForkContract, AFreezeOfAFreezeOfAFreeze)
{
    std::vector<Layer> layers;
    for (int round = 2; round < 5; ++round) {
        spec.layer_path = host.vms_directory() + "/layer-" + std::to_string(round);
        layers.push_back(must_freeze());
        ASSERT_TRUE(machine.writes(round, 0, block));
    }
    for (int i = 0; i < 3; ++i)
        expect_whole(layers[i], i + 1);
    EXPECT_TRUE(DiskBytes(machine.disk()).holds(4, 0, block));
    const Disk disk = after_a_restart();
    EXPECT_TRUE(DiskBytes(disk).holds(4, 0, block));
    // Whoever lies over another needs it.
    if (!disk.layer)
        return;
    ASSERT_TRUE(storage->release({"storage/0", "", "root", spec.disk.owner, {}}));
    ASSERT_TRUE(os::remove_file(layers[1].path));
    const auto attached = storage->attach(spec.disk, call);
    ASSERT_FALSE(attached);
    EXPECT_EQ(to_string(attached.error().code), to_string(Code::not_found)) << attached.error().message;
}

TEST_P(StorageForkContract, TheDepthOfLayersIsBounded)
{
    constexpr int more_than_anybody_bears = 64;
    for (int round = 0; round < more_than_anybody_bears; ++round) {
        spec.layer_path = host.vms_directory() + "/layer-" + std::to_string(round);
        const auto begun = fork->attach(spec, call);
        if (!begun) {
            EXPECT_EQ(to_string(begun.error().code), to_string(Code::precondition)) << begun.error().message;
            EXPECT_FALSE(under_way());
            EXPECT_FALSE(os::exists(spec.layer_path));
            ASSERT_TRUE(machine.writes(2, block, block));
            expect_kept(2);
            return;
        }
        follow(begun->value);
        ASSERT_TRUE(fork->commit(begun->handle));
        ASSERT_TRUE(fork->release(begun->handle));
    }
    EXPECT_FALSE(after_a_restart().layer) << "a disk that never stands alone stands on ever more";
}

TEST_P(StorageForkContract, AFreezeIsUnderWayUntilItIsReleasedSoThatItsLayerCanBeWrittenDown)
{
    const auto [freeze, bound] = must_begin();
    EXPECT_TRUE(under_way());
    EXPECT_FALSE(frozen());
    EXPECT_EQ(inspected().facts["layer"], spec.layer_path);
    follow(freeze);
    ASSERT_TRUE(fork->commit(bound));
    fork = GetParam().open(host);
    EXPECT_TRUE(under_way());
    EXPECT_TRUE(frozen());
    const auto found = fork->list();
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1U);
    const auto again = fork->commit(found->at(0));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->path, spec.layer_path);
    EXPECT_EQ(again->bytes, disk_bytes);
    EXPECT_TRUE(fork->release(bound));
    EXPECT_TRUE(fork->release(bound));
    EXPECT_FALSE(under_way());
    EXPECT_TRUE(fork->list()->empty());
    expect_whole(*again);
    EXPECT_EQ(to_string(fork->commit(bound).error().code), to_string(Code::not_found));
}

TEST_P(StorageForkContract, ADiskThatIsBeingFrozenIsNotDestroyed)
{
    (void)must_begin();
    machine.die();
    ASSERT_TRUE(storage->release({"storage/0", "", "root", spec.disk.owner, {}}));
    const auto destroyed = storage->destroy(spec.disk.owner, "root");
    ASSERT_FALSE(destroyed);
    EXPECT_EQ(to_string(destroyed.error().code), to_string(Code::busy)) << destroyed.error().message;
    ASSERT_TRUE(fork->release(handle()));
    EXPECT_TRUE(DiskBytes(after_a_restart()).holds(1, 0, block));
}

TEST_P(StorageForkContract, AMachineThatMovedAndWroteKeepsAllOfItWhenNobodyCarriesOn)
{
    const auto [freeze, bound] = must_begin();
    const auto early = freeze.top ? fork->commit(bound) : Result<Layer>(Layer{});
    ASSERT_EQ(early.has_value(), !freeze.top) << "what a machine writes to is no layer";
    if (!early) {
        EXPECT_EQ(to_string(early.error().code), to_string(Code::precondition)) << early.error().message;
        EXPECT_FALSE(frozen());
        follow(freeze);
    } else {
        ASSERT_TRUE(fork->commit(bound)) << "it stands still";
    }
    ASSERT_TRUE(machine.writes(2, block, block));
    fork = GetParam().open(host);
    EXPECT_TRUE(frozen());
    const auto found = fork->list();
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(found->at(0).owner.vm, spec.disk.owner.vm);
    EXPECT_EQ(found->at(0).owner.directory, spec.disk.owner.directory);
    const auto layer = fork->commit(found->at(0));
    ASSERT_TRUE(layer) << layer.error().message;
    ASSERT_TRUE(fork->release(found->at(0)));
    ASSERT_TRUE(machine.writes(3, 2 * block, block));
    expect_whole(*layer);
    expect_kept(3);
}

// A daemon that adopts the machine, or stops it, ends the freeze and writes nothing down.
TEST_P(StorageForkContract, ALayerThatNobodyWroteDownStaysAndItsDiskTellsOfIt)
{
    const auto [freeze, bound] = must_begin();
    follow(freeze);
    if (!freeze.top) {
        ASSERT_TRUE(fork->commit(bound));
    }
    ASSERT_TRUE(machine.writes(2, block, block));
    fork = GetParam().open(host);
    ASSERT_TRUE(fork->release(handle()));
    EXPECT_FALSE(under_way());
    expect_whole(freeze.layer);
    const Disk disk = after_a_restart();
    EXPECT_TRUE(DiskBytes(disk).holds({{1, 0, block}, {2, block, block}}));
    if (freeze.top || disk.layer) {
        ASSERT_TRUE(disk.layer);
        EXPECT_EQ(disk.layer->path, freeze.layer.path);
        EXPECT_EQ(disk.layer->format, freeze.layer.format);
    }
}

TEST_P(StorageForkContract, AMachineThatNeverMovedGoesOnAsIfNothingHadBeen)
{
    (void)must_begin();
    ASSERT_TRUE(machine.writes(2, block, block));
    fork = GetParam().open(host);
    EXPECT_FALSE(frozen());
    ASSERT_TRUE(fork->release(handle()));
    EXPECT_FALSE(under_way());
    EXPECT_FALSE(os::exists(spec.layer_path));
    ASSERT_TRUE(machine.writes(3, 2 * block, block));
    expect_kept(3);
}

TEST_P(StorageForkContract, OneFreezeAtATimeAndNoLayerTwice)
{
    const auto [freeze, bound] = must_begin();
    FreezeSpec other = spec;
    other.layer_path += "-2";
    auto second = fork->attach(other, call);
    ASSERT_FALSE(second);
    EXPECT_EQ(to_string(second.error().code), to_string(Code::busy)) << second.error().message;
    follow(freeze);
    ASSERT_TRUE(fork->commit(bound));
    EXPECT_FALSE(fork->attach(other, call)) << "committed, and not yet written down";
    ASSERT_TRUE(fork->release(bound));
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
    EXPECT_EQ(to_string(fork->commit(handle()).error().code), to_string(Code::not_found));
}

TEST_P(StorageForkContract, ALayerIsDestroyedOnceNobodyStandsOnIt)
{
    const Layer layer = must_freeze();
    const DiskSpec child = disk_over(layer);
    must_create(child);
    (void)must_attach(child);
    ASSERT_TRUE(storage->release({"storage/0", "", "root", child.owner, {}}));
    machine.die();
    ASSERT_TRUE(storage->release({"storage/0", "", "root", spec.disk.owner, {}}));
    ASSERT_TRUE(storage->destroy(child.owner, "root"));
    ASSERT_TRUE(storage->destroy(spec.disk.owner, "root"));
    EXPECT_TRUE(os::exists(layer.path)) << "a disk's end is none of its layer's";
    const auto beside = os::list_directory(host.vms_directory())->size();
    EXPECT_TRUE(fork->destroy(layer));
    EXPECT_TRUE(fork->destroy(layer));
    EXPECT_FALSE(os::exists(layer.path));
    EXPECT_LT(os::list_directory(host.vms_directory())->size(), beside);
}

TEST_P(StorageForkContract, DisksOverOneLayerComeAndGoInAnyOrder)
{
    const Layer layer = must_freeze();
    const DiskSpec one = disk_over(layer);
    const DiskSpec other = disk_over(layer);
    must_create(one);
    must_create(other);
    (void)must_attach(one);
    const Disk stays = must_attach(other);
    ASSERT_TRUE(storage->release({"storage/0", "", "root", one.owner, {}}));
    machine.die();
    ASSERT_TRUE(storage->release({"storage/0", "", "root", spec.disk.owner, {}}));
    EXPECT_TRUE(DiskBytes(stays).holds(1, 0, block));
    EXPECT_TRUE(DiskBytes(stays).fill(5, 0, block));
    ASSERT_TRUE(storage->release({"storage/0", "", "root", other.owner, {}}));
    EXPECT_TRUE(storage->list()->empty());
    expect_whole(layer);
}

}  // namespace banger::sdk::testing
