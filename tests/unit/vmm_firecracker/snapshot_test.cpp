// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Saves and restores with a Firecracker that is fake: what VmmSnapshotContract cannot have go wrong.
#include <unistd.h>

#include "fake_firecracker_test.hpp"

namespace banger::firecracker {
namespace {

using sdk::Code;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class SnapshotTest : public FakeFirecrackerTest {
protected:
    void must_save()
    {
        write_save();
        go_on_and_seal();
    }
    /// Of a new VM.
    sdk::BootSpec copy() const
    {
        auto boot = spec;
        boot.owner = host.new_owner();
        return boot;
    }
    std::string fact(const std::string& name) { return vmm->inspect(machine)->facts[name]; }
    std::string memory() const { return sdk::os::read_file(save.directory + "/memory").value_or(""); }
    std::string link_target(const std::string& name) const
    {
        std::string target(256, '\0');
        const auto length = ::readlink((spec.owner.directory + "/" + name).c_str(), target.data(), target.size());
        target.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
        return target;
    }
};

TEST_F(SnapshotTest, VersionsThatCannotSaveSayWhy)
{
    use("good");
    start();
    must_save();
    const auto saved = save.directory;
    for (const auto& [version, why] : {std::pair{"1.8.0", "1.12 and newer"}, {"1.11.0", "1.12 and newer"}, {"1.16.0", "1.16.1"}}) {
        ASSERT_TRUE(vmm->release(machine));
        use("good", version);
        const auto probe = snapshot->probe(call);
        ASSERT_TRUE(probe);
        EXPECT_FALSE(probe->usable);
        EXPECT_THAT(probe->reason, HasSubstr(why));
        EXPECT_NE(probe->hint, "");
        start();
        expect_error(snapshot->begin_save(machine, save, call), Code::unsupported, why);
        EXPECT_EQ(fact("paused"), "false");
        expect_error(snapshot->restore({copy(), saved}, call), Code::unsupported, why);
    }
}

TEST_F(SnapshotTest, OneThatHoldsBackWhatIsForItsGuestUntilAResetGoesOnWithOne)
{
    const std::string reset = R"(PUT /snapshot/create {"snapshot_type":"Full","snapshot_path":".","mem_file_path":"."})" "\n";
    const std::string resumed = R"(PATCH /vm {"state":"Resumed"})" "\n";
    for (const auto& [version, resets] : {std::pair{"1.15.1", false}, {"1.16.0", true}, {"1.16.1", true}, {"1.16.2", false}}) {
        use("good", version);
        start();
        ASSERT_TRUE(snapshot->pause(machine));
        ASSERT_TRUE(snapshot->resume(machine));
        EXPECT_EQ(fact("paused"), "false");
        EXPECT_EQ(requests().find(reset + resumed) != std::string::npos, resets) << version << "\n" << requests();
        EXPECT_NE(requests().find(resumed), std::string::npos);
        const auto told = requests();
        ASSERT_TRUE(snapshot->resume(machine)) << "done already is success";
        EXPECT_EQ(requests(), told + "GET / \n") << "one that runs is told nothing, which would make it deaf";
        ASSERT_TRUE(vmm->release(machine));
        ASSERT_TRUE(sdk::os::remove_file(spec.owner.directory + "/requests"));
    }
}

TEST_F(SnapshotTest, ASaveOfAForkableMachineSinceItsBootIsADifferenceFromNothing)
{
    use("good");
    spec.forkable = true;
    start();
    must_save();
    EXPECT_EQ(memory(), "Diff\n");
    save = {new_directory(), save.directory};
    must_save();
    EXPECT_EQ(memory(), "Diff\nDiff\n") << "over a copy of its base's";
    save = {new_directory(), {}};
    must_save();
    EXPECT_EQ(memory(), "Full\n");
}

TEST_F(SnapshotTest, AMachineOfSeveralPartsOfMemoryIsSavedWholeBefore115)
{
    use("good", "1.14.0");
    spec.forkable = true;
    spec.memory_mib = 4096;
    start();
    must_save();
    EXPECT_EQ(memory(), "Full\n");
    save = {new_directory(), save.directory};
    expect_error(snapshot->begin_save(machine, save, call), Code::precondition, "forked");
}

TEST_F(SnapshotTest, ASaveThatIsRefusedIsGivenUp)
{
    use("400@/snapshot/create");
    start();
    ASSERT_TRUE(snapshot->begin_save(machine, save, call));
    expect_error(snapshot->finish_save(machine, save, call), Code::invalid, "PUT /snapshot/create with 400: not today");
    expect_error(snapshot->seal_save(save, call), Code::not_found, "no finished save");
}

// Firecracker may have forgotten what was written before it failed.
TEST_F(SnapshotTest, AfterASaveThatFailedNoDifferenceIsTaken)
{
    use("400@/snapshot/create");
    spec.forkable = true;
    start();
    ASSERT_TRUE(snapshot->begin_save(machine, save, call));
    EXPECT_FALSE(snapshot->finish_save(machine, save, call));
    EXPECT_THAT(requests(), HasSubstr(R"("snapshot_type":"Diff")"));
    EXPECT_THAT(requests(), Not(HasSubstr(R"("snapshot_type":"Full")")));
    ASSERT_TRUE(snapshot->resume(machine));
    save.directory = new_directory();
    ASSERT_TRUE(snapshot->begin_save(machine, save, call));
    EXPECT_FALSE(snapshot->finish_save(machine, save, call));
    EXPECT_THAT(requests(), HasSubstr(R"("snapshot_type":"Full")"));
}

TEST_F(SnapshotTest, APauseThatIsRefusedLeavesNothingAndTheMachineRunning)
{
    use("500@/vm");
    start();
    expect_error(snapshot->begin_save(machine, save, call), Code::internal, "PATCH /vm with 500");
    EXPECT_TRUE(sdk::os::list_directory(save.directory)->empty());
    EXPECT_FALSE(sdk::os::exists(spec.owner.directory + "/firecracker.save"));
}

TEST_F(SnapshotTest, AMachineWithLimitedDisksIsNotSaved)
{
    use("good", "1.16.1", R"(,"disk_mib_per_second":10)");
    start();
    EXPECT_THAT(requests(), HasSubstr(R"("rate_limiter":{"bandwidth":{"size":10485760,"refill_time":1000}})"));
    expect_error(snapshot->begin_save(machine, save, call), Code::precondition, "disks are limited");
}

TEST_F(SnapshotTest, ARestoredMachineIsLimitedAsTheConfigurationSaysNow)
{
    use("good");
    start();
    must_save();
    use("good", "1.16.1", R"(,"disk_operations_per_second":7)");
    const auto boot = copy();
    const auto restored = snapshot->restore({boot, save.directory}, call);
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_THAT(requests_of(boot.owner),
                EndsWith(R"(PATCH /drives/root {"drive_id":"root","rate_limiter":{"ops":{"size":7,"refill_time":1000}}})"
                         "\n"));
}

TEST_F(SnapshotTest, ARestoreThatFirecrackerRefusesLeavesNothing)
{
    use("good");
    start();
    must_save();
    use("400@/snapshot/load");
    const auto boot = copy();
    expect_error(snapshot->restore({boot, save.directory}, call), Code::precondition, "PUT /snapshot/load with 400");
    EXPECT_FALSE(vmm->inspect(vmm->plan(boot)->at(0))->present);
    for (const char* name : {"api.sock", "root.disk", "firecracker.machine"})
        EXPECT_FALSE(sdk::os::exists(boot.owner.directory + "/" + name)) << name;
}

TEST_F(SnapshotTest, ASwapThatIsRefusedLeadsBackToTheOldDisk)
{
    use("good");
    start();
    const auto old = link_target("root.disk");
    EXPECT_EQ(old, spec.disks[0].path);
    sdk::Disk missing = top("top.raw");
    ASSERT_TRUE(sdk::os::remove_file(missing.path));
    expect_error(snapshot->swap_disks(machine, {missing}), Code::invalid, "cannot open the disk");
    EXPECT_EQ(link_target("root.disk"), old);
    EXPECT_EQ(link_target("root.before.disk"), "");
    EXPECT_EQ(fact("paused"), "false");
}

TEST_F(SnapshotTest, AMoveThatWasCutOffIsEndedAsFirecrackerSawIt)
{
    use("good");
    start();
    const auto old = spec.disks[0].path;
    const auto link = spec.owner.directory + "/root.disk";
    const auto before = spec.owner.directory + "/root.before.disk";
    // The name led to the new disk, and nobody told Firecracker: on an error all is as it was there.
    const auto first = top("first.raw");
    ASSERT_EQ(::rename(link.c_str(), before.c_str()), 0);
    ASSERT_EQ(::symlink(first.path.c_str(), link.c_str()), 0);
    sdk::Disk missing = top("missing.raw");
    ASSERT_TRUE(sdk::os::remove_file(missing.path));
    EXPECT_FALSE(snapshot->swap_disks(machine, {missing}));
    EXPECT_EQ(link_target("root.disk"), old);
    // It was told, and only the note of it stayed.
    ASSERT_TRUE(snapshot->swap_disks(machine, {first}));
    ASSERT_EQ(::symlink(old.c_str(), before.c_str()), 0);
    EXPECT_FALSE(snapshot->swap_disks(machine, {missing}));
    EXPECT_EQ(link_target("root.disk"), first.path);
    ASSERT_TRUE(snapshot->swap_disks(machine, {first})) << "done already";
    EXPECT_EQ(link_target("root.before.disk"), "");
}

TEST_F(SnapshotTest, WhatAMachineLeavesGoesWithIt)
{
    use("good");
    start();
    ASSERT_TRUE(snapshot->begin_save(machine, save, call));
    EXPECT_EQ(fact("saving"), "true");
    ASSERT_TRUE(vmm->release(machine));
    const auto left = sdk::os::list_directory(spec.owner.directory);
    ASSERT_TRUE(left);
    EXPECT_THAT(*left, ::testing::UnorderedElementsAre("arguments", "console.log", "firecracker.log",
                                                       "firecracker.metrics", "requests", "root.raw", "vmlinux"));
    start();
    EXPECT_EQ(fact("saving"), "false");
}

}  // namespace
}  // namespace banger::firecracker
