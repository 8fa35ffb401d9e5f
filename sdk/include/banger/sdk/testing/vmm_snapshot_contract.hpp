// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "banger/sdk/testing/vmm_contract.hpp"
#include "banger/sdk/vmm_snapshot.hpp"

namespace banger::sdk::testing {

/// A vmm.snapshot/0 provider for the contract, with the vmm/0 provider whose machines it saves.
struct VmmSnapshotUnderTest {
    std::string name;  ///< what tests are called after
    std::function<std::unique_ptr<Vmm>(Host&)> open_vmm;
    std::function<std::unique_ptr<VmmSnapshot>(Host&)> open;  ///< a fresh provider, as after a restart of the daemon
    /// A boot of a new VM that counts in its memory for ever, with a disk "root".
    std::function<BootSpec(const FakeHost&)> counting_spec;
    /// How far that machine has counted at least, by what it showed until now; waits until it is more than `after` and
    /// answers 0 if that does not happen within some seconds.
    std::function<std::uint64_t(const Owner&, std::uint64_t after)> counted;
    /// A disk that stands over the one given, empty. Disks of a format that a machine can be moved to.
    std::function<Disk(const BootSpec&, const Disk&)> new_top;
    /// The file to which the machine writes the disk of that role now.
    std::function<std::string(const Handle&, const std::string& role)> writes_to;
};

inline std::ostream& operator<<(std::ostream& out, const VmmSnapshotUnderTest& snapshot)
{
    return out << snapshot.name;
}

/// What every vmm.snapshot/0 provider promises. Instantiate for each provider and each fake.
class VmmSnapshotContract : public ::testing::TestWithParam<VmmSnapshotUnderTest> {
protected:
    void SetUp() override
    {
        vmm = GetParam().open_vmm(host);
        snapshot = GetParam().open(host);
        ASSERT_NE(vmm, nullptr);
        ASSERT_NE(snapshot, nullptr);
        spec = GetParam().counting_spec(host);
        auto attached = vmm->attach(spec, call);
        ASSERT_TRUE(attached) << attached.error().message;
        machine = attached->handle;
        ASSERT_GT(counted(machine, 0), 0U);
        directory = new_directory("save");
    }
    void TearDown() override
    {
        if (vmm == nullptr)
            return;
        for (const auto& handle : vmm->list().value_or({}))
            EXPECT_TRUE(vmm->release(handle));
    }

    std::string new_directory(const std::string& name)
    {
        std::string path = host.vms_directory() + "/" + name;
        EXPECT_TRUE(os::make_private_directory(path));
        return path;
    }
    static std::uint64_t counted(const Handle& of, std::uint64_t after) { return GetParam().counted(of.owner, after); }
    /// Whether it counts on from here.
    static ::testing::AssertionResult runs(const Handle& of)
    {
        const auto now = counted(of, 0);
        if (counted(of, now) == 0)
            return ::testing::AssertionFailure() << "it does not count on from " << now;
        return ::testing::AssertionSuccess();
    }
    void must_save()
    {
        auto begun = snapshot->begin_save(machine, directory, call);
        ASSERT_TRUE(begun) << begun.error().message;
        auto finished = snapshot->finish_save(machine, directory, call);
        ASSERT_TRUE(finished) << finished.error().message;
    }
    Handle must_restore()
    {
        auto boot = GetParam().counting_spec(host);
        auto restored = snapshot->restore({boot, directory}, call);
        EXPECT_TRUE(restored) << restored.error().message;
        return restored ? restored->handle : Handle{};
    }

    FakeHost host;
    FakeCall call;
    std::unique_ptr<Vmm> vmm;
    std::unique_ptr<VmmSnapshot> snapshot;
    BootSpec spec;
    Handle machine;
    std::string directory;
};

TEST_P(VmmSnapshotContract, ProbeSaysItCanWork)
{
    const auto probe = snapshot->probe(call);
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_TRUE(probe->usable) << probe->reason;
}

TEST_P(VmmSnapshotContract, APausedMachineStandsStillAndAResumedOneGoesOn)
{
    ASSERT_TRUE(snapshot->pause(machine));
    ASSERT_TRUE(snapshot->pause(machine));
    const auto inspection = vmm->inspect(machine);
    ASSERT_TRUE(inspection);
    EXPECT_TRUE(inspection->present);
    const auto stands_at = counted(machine, 0);
    EXPECT_EQ(counted(machine, stands_at), 0U) << "it counts though it was paused";
    snapshot = GetParam().open(host);
    ASSERT_TRUE(snapshot->resume(machine));
    ASSERT_TRUE(snapshot->resume(machine));
    EXPECT_GT(counted(machine, stands_at), stands_at);
}

TEST_P(VmmSnapshotContract, TwoCopiesGoOnWhereTheMachineWasSavedAndSoDoesItself)
{
    must_save();
    const auto saved_at = counted(machine, 0);
    EXPECT_EQ(counted(machine, saved_at), 0U) << "it stands still until it is resumed";
    ASSERT_TRUE(snapshot->resume(machine));
    EXPECT_GT(counted(machine, saved_at), saved_at);
    for (int copy = 0; copy < 2; ++copy) {
        const auto restored = must_restore();
        EXPECT_NE(restored.owner.vm, machine.owner.vm);
        EXPECT_EQ(restored.kind, "vmm/0");
        EXPECT_TRUE(vmm->inspect(restored)->present);
        EXPECT_EQ(counted(restored, 0), 0U) << "a copy stands still until it is resumed";
        ASSERT_TRUE(snapshot->resume(restored));
        EXPECT_GT(counted(restored, 0), saved_at) << "it began to count anew";
        ASSERT_TRUE(vmm->release(restored));
    }
    EXPECT_TRUE(runs(machine));
}

TEST_P(VmmSnapshotContract, ACopyCanBeSavedToo)
{
    must_save();
    const auto child = must_restore();
    ASSERT_TRUE(snapshot->resume(child));
    const auto child_at = counted(child, 0);
    ASSERT_GT(child_at, 0U);
    machine = child;
    directory = new_directory("second-save");
    must_save();
    const auto grandchild = must_restore();
    ASSERT_TRUE(snapshot->resume(grandchild));
    EXPECT_GT(counted(grandchild, 0), child_at);
}

TEST_P(VmmSnapshotContract, AMachineThatStandsCanBeSaved)
{
    ASSERT_TRUE(snapshot->pause(machine));
    const auto stands_at = counted(machine, 0);
    must_save();
    EXPECT_EQ(counted(machine, stands_at), 0U);
    const auto restored = must_restore();
    ASSERT_TRUE(snapshot->resume(restored));
    EXPECT_GT(counted(restored, 0), stands_at);
}

TEST_P(VmmSnapshotContract, ACopyThatWasNeverResumedCanBeSaved)
{
    must_save();
    const auto saved_at = counted(machine, 0);
    machine = must_restore();
    directory = new_directory("second-save");
    must_save();
    EXPECT_TRUE(vmm->inspect(machine)->present);
    const auto grandchild = must_restore();
    ASSERT_TRUE(snapshot->resume(grandchild));
    EXPECT_GT(counted(grandchild, 0), saved_at);
    ASSERT_TRUE(snapshot->resume(machine));
    EXPECT_TRUE(runs(machine));
}

TEST_P(VmmSnapshotContract, ASaveThatIsNotFinishedIsGivenUpByResume)
{
    ASSERT_TRUE(snapshot->begin_save(machine, directory, call));
    const auto stands_at = counted(machine, 0);
    EXPECT_EQ(counted(machine, stands_at), 0U);
    snapshot = GetParam().open(host);
    auto resumed = snapshot->resume(machine);
    ASSERT_TRUE(resumed) << resumed.error().message;
    EXPECT_GT(counted(machine, stands_at), stands_at);
    auto boot = GetParam().counting_spec(host);
    EXPECT_FALSE(snapshot->restore({boot, directory}, call)) << "half a save";
    EXPECT_FALSE(vmm->inspect(vmm->plan(boot)->at(0))->present);
    directory = new_directory("another");
    must_save();
    EXPECT_TRUE(snapshot->resume(machine));
}

TEST_P(VmmSnapshotContract, ACancelledSaveLeavesTheMachineRunning)
{
    FakeCall cancelled;
    cancelled.cancel();
    auto begun = snapshot->begin_save(machine, directory, cancelled);
    ASSERT_FALSE(begun);
    EXPECT_EQ(to_string(begun.error().code), to_string(Code::cancelled)) << begun.error().message;
    EXPECT_TRUE(runs(machine));
    EXPECT_TRUE(os::list_directory(directory)->empty());
}

TEST_P(VmmSnapshotContract, AMachineMovesToAnotherDiskWhileItRuns)
{
    for (int round = 0; round < 3; ++round) {
        Disk& root = spec.disks.at(0);
        const Disk top = GetParam().new_top(spec, root);
        auto swapped = snapshot->swap_disks(machine, {top});
        ASSERT_TRUE(swapped) << swapped.error().message;
        EXPECT_EQ(GetParam().writes_to(machine, top.role), top.path);
        EXPECT_TRUE(runs(machine));
        snapshot = GetParam().open(host);
        ASSERT_TRUE(snapshot->swap_disks(machine, {top})) << "done already";
        EXPECT_EQ(GetParam().writes_to(machine, top.role), top.path);
        root = top;
    }
}

TEST_P(VmmSnapshotContract, ASwapThatCannotBeLeavesAllDisksAsTheyWere)
{
    const Disk& root = spec.disks.at(0);
    const Disk top = GetParam().new_top(spec, root);
    Disk nobodys = top;
    nobodys.role = "nobodys";
    EXPECT_FALSE(snapshot->swap_disks(machine, {top, nobodys}));
    EXPECT_EQ(GetParam().writes_to(machine, root.role), root.path);
    EXPECT_TRUE(runs(machine));
    EXPECT_TRUE(snapshot->swap_disks(machine, {top}));
}

TEST_P(VmmSnapshotContract, TheDisksOfALiveSaveAreSwappedInItsPause)
{
    ASSERT_TRUE(snapshot->begin_save(machine, directory, call));
    const Disk top = GetParam().new_top(spec, spec.disks.at(0));
    auto swapped = snapshot->swap_disks(machine, {top});
    ASSERT_TRUE(swapped) << swapped.error().message;
    ASSERT_TRUE(snapshot->finish_save(machine, directory, call));
    ASSERT_TRUE(snapshot->resume(machine));
    EXPECT_EQ(GetParam().writes_to(machine, top.role), top.path);
    EXPECT_TRUE(runs(machine));
    const auto restored = must_restore();
    ASSERT_TRUE(snapshot->resume(restored));
    EXPECT_TRUE(runs(restored));
}

TEST_P(VmmSnapshotContract, WhatDoesNotLiveIsNotFound)
{
    ASSERT_TRUE(vmm->release(machine));
    for (const auto& done : {snapshot->pause(machine), snapshot->resume(machine),
                             snapshot->begin_save(machine, directory, call), snapshot->swap_disks(machine, {})}) {
        ASSERT_FALSE(done);
        EXPECT_EQ(to_string(done.error().code), to_string(Code::not_found)) << done.error().message;
    }
}

}  // namespace banger::sdk::testing
