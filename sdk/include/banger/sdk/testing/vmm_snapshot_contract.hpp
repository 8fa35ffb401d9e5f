// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "banger/sdk/testing/vmm_contract.hpp"
#include "banger/sdk/vmm_snapshot.hpp"

namespace banger::sdk::testing {

/// A vmm.snapshot/0 provider for the contract, with the vmm/0 provider whose machines it saves.
struct VmmSnapshotUnderTest {
    std::string name;  ///< what tests are called after
    std::function<std::unique_ptr<Vmm>(Host&)> open_vmm;
    std::function<std::unique_ptr<VmmSnapshot>(Host&)> open;  ///< a fresh provider, as after a restart of the daemon
    /// A boot of a new VM that counts in its memory for ever, with a disk "root" of zeros.
    std::function<BootSpec(const FakeHost&)> counting_spec;
    /// How far that machine has counted at least, by what it showed until now; waits until it is more than `after`
    /// and answers 0 if that does not happen in so much time.
    std::function<std::uint64_t(const Owner&, std::uint64_t after, std::chrono::milliseconds)> counted;
    /// A disk that stands over the one given, empty. Disks of a format that a machine can be moved to. The lower one
    /// may be known to it by another name than to the machine, as a layer is.
    std::function<Disk(const BootSpec&, const Disk&)> new_top;
    /// The machine, by way of its disk of that role, fills the first block with such bytes.
    std::function<bool(const Handle&, const std::string& role, char byte)> writes;
    /// Whether the machine finds such bytes there.
    std::function<bool(const Handle&, const std::string& role, char byte)> reads;
    /// Whether a disk has such bytes there, seen without the machine, which may have it open.
    std::function<bool(const Disk&, char byte)> holds;
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
        start(GetParam().counting_spec(host));
        save.directory = new_directory();
    }
    void TearDown() override
    {
        if (vmm == nullptr)
            return;
        for (const auto& handle : vmm->list().value_or({}))
            EXPECT_TRUE(vmm->release(handle));
    }

    void start(const BootSpec& boot)
    {
        spec = boot;
        auto attached = vmm->attach(spec, call);
        ASSERT_TRUE(attached) << attached.error().message;
        machine = attached->handle;
        ASSERT_GT(counted(machine, 0), 0U);
    }
    std::string new_directory()
    {
        std::string path = host.vms_directory() + "/save-" + FakeHost::random_hex(8);
        EXPECT_TRUE(os::make_private_directory(path));
        return path;
    }
    /// Waits as long as a busy host may take; only a failure takes that long.
    static std::uint64_t counted(const Handle& of, std::uint64_t after)
    {
        return GetParam().counted(of.owner, after, std::chrono::minutes(1));
    }
    /// Whether it counts on from here.
    static ::testing::AssertionResult runs(const Handle& of)
    {
        const auto now = GetParam().counted(of.owner, 0, std::chrono::milliseconds(0));
        if (counted(of, now) == 0)
            return ::testing::AssertionFailure() << "it does not count on from " << now;
        return ::testing::AssertionSuccess();
    }
    /// Whether it does not count for some time, and says that it stands.
    ::testing::AssertionResult stands(const Handle& of)
    {
        const auto now = GetParam().counted(of.owner, 0, std::chrono::milliseconds(0));
        if (const auto later = GetParam().counted(of.owner, now, std::chrono::milliseconds(300)); later != 0)
            return ::testing::AssertionFailure() << "it counts from " << now << " to " << later;
        if (paused(of) != "true")
            return ::testing::AssertionFailure() << "it says that it runs";
        return ::testing::AssertionSuccess();
    }
    std::string paused(const Handle& of)
    {
        // Left out by a VMM that is busy, but not for ever.
        for (int look = 0; look < 100; ++look) {
            const auto inspection = vmm->inspect(of);
            EXPECT_TRUE(inspection && inspection->present);
            if (inspection && inspection->facts.contains("paused"))
                return inspection->facts.at("paused");
        }
        return "";
    }
    static void expect_code(const Result<void>& done, Code code)
    {
        ASSERT_FALSE(done);
        EXPECT_EQ(to_string(done.error().code), to_string(code)) << done.error().message;
        EXPECT_FALSE(done.error().message.empty());
    }
    bool offers(const std::string& word)
    {
        const auto probe = snapshot->probe(call);
        EXPECT_TRUE(probe) << probe.error().message;
        return probe && std::count(probe->offers.begin(), probe->offers.end(), word) > 0;
    }

    /// Whether the machine counted on after the first of the save was written, until it was stopped for the rest.
    bool works_while_it_is_saved()
    {
        Result<void> begun;
        std::atomic<bool> over = false;
        std::thread saver([&] {
            begun = snapshot->begin_save(machine, save, call);
            over = true;
        });
        std::uint64_t early = 0;
        while (!over && early == 0)
            if (has_content(save.directory))
                early = GetParam().counted(machine.owner, 0, std::chrono::milliseconds(0));
        saver.join();
        EXPECT_TRUE(begun) << begun.error().message;
        return early != 0 && GetParam().counted(machine.owner, early, std::chrono::milliseconds(0)) != 0;
    }
    static bool has_content(const std::string& directory)
    {
        const auto names = os::list_directory(directory).value_or({});
        return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
            struct stat file {};
            return ::stat((directory + "/" + name).c_str(), &file) == 0 && file.st_size > 0;
        });
    }

    void must_begin()
    {
        auto begun = snapshot->begin_save(machine, save, call);
        ASSERT_TRUE(begun) << begun.error().message;
    }
    void must_finish()
    {
        auto finished = snapshot->finish_save(machine, save, call);
        ASSERT_TRUE(finished) << finished.error().message;
    }
    void must_resume(const Handle& of)
    {
        auto resumed = snapshot->resume(of);
        ASSERT_TRUE(resumed) << resumed.error().message;
    }
    void must_seal()
    {
        auto sealed = snapshot->seal_save(save, call);
        ASSERT_TRUE(sealed) << sealed.error().message;
    }
    /// Leaves the machine standing.
    void must_save()
    {
        must_begin();
        must_finish();
        must_seal();
    }
    Handle must_restore()
    {
        auto restored = snapshot->restore({GetParam().counting_spec(host), save.directory}, call);
        EXPECT_TRUE(restored) << restored.error().message;
        return restored ? restored->handle : Handle{};
    }
    /// A copy of the save goes on from that number or later.
    void expect_copy_counts_on_from(std::uint64_t number)
    {
        const auto copy = must_restore();
        must_resume(copy);
        EXPECT_GT(counted(copy, 0), number);
        EXPECT_TRUE(vmm->release(copy));
    }
    /// The restore fails with this code and leaves nothing.
    void expect_not_restored(const BootSpec& boot, Code code)
    {
        const auto restored = snapshot->restore({boot, save.directory}, call);
        ASSERT_FALSE(restored);
        EXPECT_EQ(to_string(restored.error().code), to_string(code)) << restored.error().message;
        // Not by its plan: the boot may be of a kind that the provider does not plan at all.
        const auto living = vmm->list();
        ASSERT_TRUE(living);
        for (const auto& handle : *living)
            EXPECT_NE(handle.owner.vm, boot.owner.vm);
    }

    FakeHost host;
    FakeCall call;
    std::unique_ptr<Vmm> vmm;
    std::unique_ptr<VmmSnapshot> snapshot;
    BootSpec spec;
    Handle machine;
    SaveSpec save;
};

TEST_P(VmmSnapshotContract, ProbeSaysWhatItCanDo)
{
    const auto probe = snapshot->probe(call);
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_TRUE(probe->usable) << probe->reason;
    EXPECT_TRUE(offers("snapshot:full"));
    EXPECT_FALSE(probe->accepts.empty()) << "formats of disks";
}

TEST_P(VmmSnapshotContract, APausedMachineStandsStillAndAResumedOneGoesOn)
{
    EXPECT_EQ(paused(machine), "false");
    ASSERT_TRUE(snapshot->pause(machine));
    ASSERT_TRUE(snapshot->pause(machine));
    EXPECT_TRUE(stands(machine));
    snapshot = GetParam().open(host);
    must_resume(machine);
    must_resume(machine);
    EXPECT_TRUE(runs(machine));
    EXPECT_EQ(paused(machine), "false");
}

TEST_P(VmmSnapshotContract, TwoCopiesGoOnWhereTheMachineWasSavedAndSoDoesItself)
{
    must_save();
    const auto saved_at = counted(machine, 0);
    EXPECT_TRUE(stands(machine)) << "until it is resumed";
    must_resume(machine);
    EXPECT_GT(counted(machine, saved_at), saved_at);
    for (int copy = 0; copy < 2; ++copy) {
        const auto restored = must_restore();
        EXPECT_NE(restored.owner.vm, machine.owner.vm);
        EXPECT_EQ(restored.kind, "vmm/0");
        EXPECT_TRUE(stands(restored)) << "until it is resumed";
        must_resume(restored);
        EXPECT_GT(counted(restored, 0), saved_at) << "it began to count anew";
        ASSERT_TRUE(vmm->release(restored));
    }
    EXPECT_TRUE(runs(machine));
}

TEST_P(VmmSnapshotContract, AMachineWorksWhileItIsSavedIfThatIsOffered)
{
    if (!offers("snapshot:live"))
        return;
    ASSERT_TRUE(vmm->release(machine));
    auto large = GetParam().counting_spec(host);
    large.memory_mib *= 16;  // which takes a while to copy
    start(large);
    // One that works is soon seen to, though a save may be over too fast for that; one that stands never is.
    for (int attempt = 0; attempt < 30; ++attempt) {
        if (works_while_it_is_saved())
            return;
        must_resume(machine);
        save.directory = new_directory();
    }
    FAIL() << "it says snapshot:live, and stands still from the beginning of a save";
}

TEST_P(VmmSnapshotContract, ACopyCanBeSavedToo)
{
    must_save();
    const auto child = must_restore();
    must_resume(child);
    const auto child_at = counted(child, 0);
    ASSERT_GT(child_at, 0U);
    machine = child;
    save.directory = new_directory();
    must_save();
    expect_copy_counts_on_from(child_at);
}

TEST_P(VmmSnapshotContract, AMachineThatStandsCanBeSaved)
{
    ASSERT_TRUE(snapshot->pause(machine));
    const auto stands_at = counted(machine, 0);
    must_save();
    EXPECT_TRUE(stands(machine));
    expect_copy_counts_on_from(stands_at);
}

TEST_P(VmmSnapshotContract, ACopyThatWasNeverResumedCanBeSaved)
{
    must_save();
    const auto saved_at = counted(machine, 0);
    machine = must_restore();
    save.directory = new_directory();
    must_save();
    EXPECT_TRUE(stands(machine));
    expect_copy_counts_on_from(saved_at);
    must_resume(machine);
    EXPECT_TRUE(runs(machine));
}

TEST_P(VmmSnapshotContract, TheMachineGoesOnBeforeItsSaveIsWhole)
{
    must_begin();
    must_finish();
    const auto saved_at = counted(machine, 0);
    must_resume(machine);
    EXPECT_TRUE(runs(machine));
    expect_not_restored(GetParam().counting_spec(host), Code::not_found);
    ASSERT_TRUE(vmm->release(machine));
    snapshot = GetParam().open(host);
    must_seal();
    must_seal();
    expect_copy_counts_on_from(saved_at);
}

TEST_P(VmmSnapshotContract, WhatWasNotFinishedCannotBeSealed)
{
    expect_code(snapshot->seal_save(save, call), Code::not_found);
    must_begin();
    expect_code(snapshot->seal_save(save, call), Code::not_found);
}

TEST_P(VmmSnapshotContract, WhatWasNotBegunCannotBeFinished)
{
    expect_code(snapshot->finish_save(machine, save, call), Code::precondition);
    EXPECT_TRUE(runs(machine));
    EXPECT_TRUE(os::list_directory(save.directory)->empty());
}

TEST_P(VmmSnapshotContract, ASaveThatIsNotFinishedIsGivenUpByResume)
{
    must_begin();
    EXPECT_TRUE(stands(machine));
    snapshot = GetParam().open(host);
    must_resume(machine);
    EXPECT_TRUE(runs(machine));
    expect_not_restored(GetParam().counting_spec(host), Code::not_found);
    expect_code(snapshot->finish_save(machine, save, call), Code::precondition);
    save.directory = new_directory();
    must_save();
    must_resume(machine);
}

TEST_P(VmmSnapshotContract, ASaveUnderWayIsNotDisturbedByAnother)
{
    must_begin();
    const auto saved_at = counted(machine, 0);
    const SaveSpec other{new_directory(), {}};
    expect_code(snapshot->begin_save(machine, other, call), Code::precondition);
    EXPECT_TRUE(os::list_directory(other.directory)->empty());
    EXPECT_TRUE(stands(machine));
    must_finish();
    must_seal();
    expect_copy_counts_on_from(saved_at);
}

TEST_P(VmmSnapshotContract, ASaveIsFinishedWhereItWasBegunAndNowhereElse)
{
    must_begin();
    const SaveSpec given_up = save;
    must_resume(machine);
    save.directory = new_directory();
    must_begin();
    const auto saved_at = counted(machine, 0);
    const SaveSpec empty{new_directory(), {}};
    for (const auto& elsewhere : {given_up, empty}) {
        expect_code(snapshot->finish_save(machine, elsewhere, call), Code::precondition);
        EXPECT_TRUE(stands(machine));
        expect_code(snapshot->seal_save(elsewhere, call), Code::not_found);
    }
    EXPECT_TRUE(os::list_directory(empty.directory)->empty());
    must_finish();
    must_seal();
    expect_copy_counts_on_from(saved_at);
}

TEST_P(VmmSnapshotContract, BetweenTwoSavesAMachineIsResumed)
{
    must_save();
    const auto saved_at = counted(machine, 0);
    const SaveSpec second{new_directory(), {}};
    expect_code(snapshot->begin_save(machine, second, call), Code::precondition);
    EXPECT_TRUE(os::list_directory(second.directory)->empty());
    EXPECT_TRUE(stands(machine));
    expect_copy_counts_on_from(saved_at);
    must_resume(machine);
    const auto later = counted(machine, saved_at);
    save = second;
    must_save();
    expect_copy_counts_on_from(later);
}

TEST_P(VmmSnapshotContract, ACancelledSaveLeavesTheMachineRunning)
{
    FakeCall cancelled;
    cancelled.cancel();
    expect_code(snapshot->begin_save(machine, save, cancelled), Code::cancelled);
    EXPECT_TRUE(runs(machine));
    EXPECT_TRUE(os::list_directory(save.directory)->empty());
    must_save();
    must_resume(machine);
    EXPECT_TRUE(runs(machine));
}

TEST_P(VmmSnapshotContract, ACancelledSaveLeavesTheMachineStanding)
{
    ASSERT_TRUE(snapshot->pause(machine));
    FakeCall cancelled;
    cancelled.cancel();
    expect_code(snapshot->begin_save(machine, save, cancelled), Code::cancelled);
    EXPECT_TRUE(stands(machine));
    EXPECT_TRUE(os::list_directory(save.directory)->empty());
    must_resume(machine);
    EXPECT_TRUE(runs(machine));
    must_save();
}

TEST_P(VmmSnapshotContract, ACancelledFinishGivesTheSaveUp)
{
    must_begin();
    FakeCall cancelled;
    cancelled.cancel();
    expect_code(snapshot->finish_save(machine, save, cancelled), Code::cancelled);
    must_resume(machine);
    EXPECT_TRUE(runs(machine));
    expect_code(snapshot->seal_save(save, call), Code::not_found);
    save.directory = new_directory();
    must_save();
    must_resume(machine);
}

TEST_P(VmmSnapshotContract, WhatWasCancelledWhileItWasSealedCanBeSealedAgain)
{
    must_begin();
    must_finish();
    const auto saved_at = counted(machine, 0);
    FakeCall cancelled;
    cancelled.cancel();
    expect_code(snapshot->seal_save(save, cancelled), Code::cancelled);
    expect_not_restored(GetParam().counting_spec(host), Code::not_found);
    must_seal();
    expect_copy_counts_on_from(saved_at);
}

TEST_P(VmmSnapshotContract, ADifferenceStandsAloneOnceItIsSealed)
{
    if (!offers("snapshot:difference")) {
        save.base = new_directory();
        expect_code(snapshot->begin_save(machine, save, call), Code::unsupported);
        EXPECT_TRUE(runs(machine));
        EXPECT_TRUE(os::list_directory(save.directory)->empty());
        return;
    }
    must_save();
    must_resume(machine);
    save = {new_directory(), save.directory};
    expect_code(snapshot->begin_save(machine, save, call), Code::precondition);  // it is not forkable
    save.base.clear();
    EXPECT_TRUE(runs(machine));

    auto forkable = GetParam().counting_spec(host);
    forkable.forkable = true;
    start(forkable);
    must_save();
    for (int generation = 0; generation < 3; ++generation) {
        must_resume(machine);
        const SaveSpec stranger{new_directory(), new_directory()};
        expect_code(snapshot->begin_save(machine, stranger, call), Code::precondition);
        const auto counted_to = counted(machine, 0);
        const std::string base = save.directory;
        save = {new_directory(), base};
        must_save();
        ASSERT_TRUE(os::remove_tree(base));
        save.base.clear();
        expect_copy_counts_on_from(counted_to);
    }
}

TEST_P(VmmSnapshotContract, ACopyNeedsItsSaveNoMore)
{
    must_save();
    const auto saved_at = counted(machine, 0);
    machine = must_restore();
    ASSERT_TRUE(os::remove_tree(save.directory));
    must_resume(machine);
    EXPECT_GT(counted(machine, 0), saved_at);
    save.directory = new_directory();
    must_save();
    expect_copy_counts_on_from(saved_at);
}

TEST_P(VmmSnapshotContract, AMachineOfAnotherShapeIsNotRestored)
{
    must_save();
    auto other = GetParam().counting_spec(host);
    other.memory_mib *= 2;
    expect_not_restored(other, Code::precondition);
    other = GetParam().counting_spec(host);
    other.vcpus += 1;
    expect_not_restored(other, Code::precondition);
    other = GetParam().counting_spec(host);
    other.disks.at(0).role = "stem";
    expect_not_restored(other, Code::precondition);
    other = GetParam().counting_spec(host);
    other.links.push_back({{"user-restricted", {}}, "52:54:00:65:43:21", {}, {}, {}});
    expect_not_restored(other, Code::precondition);
    EXPECT_TRUE(vmm->inspect(must_restore())->present);
}

TEST_P(VmmSnapshotContract, AMachineMovesToAnotherDiskWhileItRuns)
{
    char byte = 1;
    ASSERT_TRUE(GetParam().writes(machine, "root", byte));
    for (int round = 0; round < 3; ++round) {
        Disk& root = spec.disks.at(0);
        const Disk top = GetParam().new_top(spec, root);
        auto swapped = snapshot->swap_disks(machine, {top});
        ASSERT_TRUE(swapped) << swapped.error().message;
        EXPECT_TRUE(GetParam().reads(machine, "root", byte)) << "the new one stands over the old one";
        ASSERT_TRUE(GetParam().writes(machine, "root", ++byte));
        snapshot = GetParam().open(host);
        ASSERT_TRUE(snapshot->swap_disks(machine, {top})) << "done already";
        EXPECT_TRUE(GetParam().reads(machine, "root", byte));
        EXPECT_TRUE(GetParam().holds(top, byte));
        EXPECT_TRUE(GetParam().holds(root, static_cast<char>(byte - 1))) << "the old one does not change any more";
        EXPECT_TRUE(runs(machine));
        root = top;
    }
}

TEST_P(VmmSnapshotContract, ASwapThatCannotBeLeavesAllDisksAsTheyWere)
{
    const Disk& root = spec.disks.at(0);
    ASSERT_TRUE(GetParam().writes(machine, "root", 1));
    const Disk top = GetParam().new_top(spec, root);
    Disk nobodys = top;
    nobodys.role = "nobodys";
    EXPECT_FALSE(snapshot->swap_disks(machine, {top, nobodys}));
    ASSERT_TRUE(GetParam().writes(machine, "root", 2));
    EXPECT_TRUE(GetParam().holds(root, 2));
    EXPECT_TRUE(runs(machine));
    ASSERT_TRUE(snapshot->swap_disks(machine, {top}));
    ASSERT_TRUE(GetParam().writes(machine, "root", 3));
    EXPECT_TRUE(GetParam().holds(root, 2));
}

TEST_P(VmmSnapshotContract, TheDisksOfALiveSaveAreSwappedInItsPause)
{
    const Disk root = spec.disks.at(0);
    ASSERT_TRUE(GetParam().writes(machine, "root", 1));
    const Disk top = GetParam().new_top(spec, root);
    must_begin();
    auto swapped = snapshot->swap_disks(machine, {top});
    ASSERT_TRUE(swapped) << swapped.error().message;
    ASSERT_TRUE(snapshot->swap_disks(machine, {top})) << "done already";
    must_finish();
    must_resume(machine);
    must_seal();
    EXPECT_TRUE(GetParam().reads(machine, "root", 1));
    ASSERT_TRUE(GetParam().writes(machine, "root", 2));
    EXPECT_TRUE(GetParam().holds(root, 1)) << "what the save stands on does not change";
    EXPECT_TRUE(GetParam().holds(top, 2));
    EXPECT_TRUE(runs(machine));
    const auto restored = must_restore();
    must_resume(restored);
    EXPECT_TRUE(runs(restored));
}

TEST_P(VmmSnapshotContract, WhatDoesNotLiveIsNotFound)
{
    ASSERT_TRUE(vmm->release(machine));
    for (const auto& done :
         {snapshot->pause(machine), snapshot->resume(machine), snapshot->begin_save(machine, save, call),
          snapshot->finish_save(machine, save, call), snapshot->swap_disks(machine, {})})
        expect_code(done, Code::not_found);
}

}  // namespace banger::sdk::testing
