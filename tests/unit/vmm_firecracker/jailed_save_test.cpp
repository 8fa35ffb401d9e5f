// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Saves, restores and other disks of a Firecracker in a jail, both fake: what goes in and out of it. Real ones have the contract
// (tests/lab/sets/privd).
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "fake_firecracker_test.hpp"
#include "open_jails.hpp"

namespace banger::firecracker {
namespace {

using sdk::Code;
using ::testing::HasSubstr;
using ::testing::Not;

class JailedSaveTest : public InAJail<FakeFirecrackerTest> {
protected:
    void must_save()
    {
        write_save();
        for (const char* name : {"save.memory", "save.devices"})
            EXPECT_FALSE(sdk::os::exists(in_jail(name))) << name;
        go_on_and_seal();
    }
    sdk::Result<sdk::Attached<sdk::Machine>> restore()
    {
        auto boot = spec;
        boot.owner = host.new_owner();
        return snapshot->restore({boot, save.directory}, call);
    }
    [[nodiscard]] std::string in_jail(const std::string& name) const { return spec.owner.directory + "/jail/" + name; }
    [[nodiscard]] std::string saved(const std::string& name) const
    {
        return sdk::os::read_file(save.directory + "/" + name).value_or("");
    }
    // As it would be with a disk, but that it leads nowhere without a jail.
    void pretend_disk() const { ASSERT_EQ(::symlink("/disks/root", in_jail("root.disk").c_str()), 0); }
};

TEST_F(JailedSaveTest, ItWritesByNamesOfItsOwnWhichGoOnceItHas)
{
    use("good");
    spec.forkable = true;
    start();
    must_save();
    EXPECT_EQ(saved("memory"), "Diff\n");
    EXPECT_EQ(saved("devices"), "Diff\n");
    EXPECT_THAT(sdk::os::read_file(in_jail("requests")).value_or(""), Not(HasSubstr(save.directory)));
    save = {new_directory(), save.directory};
    must_save();
    EXPECT_EQ(saved("memory"), "Diff\nDiff\n") << "over a copy of its base's";
}

TEST_F(JailedSaveTest, WhatAJailHasUnderTheNamesOfASaveGetsIntoNone)
{
    use("good");
    start();
    const auto secret = file("secret");
    ASSERT_EQ(::symlink(secret.c_str(), in_jail("save.memory").c_str()), 0);
    ASSERT_EQ(::mkfifo(in_jail("save.devices").c_str(), 0600), 0);
    must_save();
    EXPECT_EQ(saved("memory"), "Full\n");
    EXPECT_EQ(saved("devices"), "Full\n");
    EXPECT_EQ(sdk::os::read_file(secret).value_or(""), "x");
}

TEST_F(JailedSaveTest, NamesThatADeadDaemonLentAreTakenBack)
{
    use("good");
    start();
    file("jail/save.memory");
    ASSERT_TRUE(snapshot->resume(machine));
    EXPECT_FALSE(sdk::os::exists(in_jail("save.memory")));
}

TEST_F(JailedSaveTest, ACopyIsGivenTheSaveToReadAndNoKernel)
{
    use("good");
    start();
    must_save();
    // Without a jail nothing is where the fake is told to look.
    expect_error(restore(), Code::precondition, "there is no such save");
    EXPECT_EQ(jails.source_of("/save/memory"), save.directory + "/memory");
    EXPECT_EQ(jails.source_of("/save/devices"), save.directory + "/devices");
    EXPECT_EQ(jails.source_of("/kernel"), "");
    for (const auto& handed : jails.asked.files)
        EXPECT_EQ(handed.writable, handed.inside == "/vm" || handed.inside == "/dev/kvm") << handed.inside;
}

TEST_F(JailedSaveTest, WhatWasSavedInAJailGoesOnInOneOnly)
{
    use("good");
    start();
    must_save();
    use("good", "1.16.1", R"(,"jail":"off")");
    expect_error(restore(), Code::precondition, "goes on in one only: plugin.vmm-firecracker.jail is off");
    use("good");
    jails.works = false;
    expect_error(restore(), Code::precondition, "goes on in one only: nobody jails here");
}

TEST_F(JailedSaveTest, WhatWasSavedWithoutAJailGoesOnInOneUnlessNoneIsHad)
{
    use("good", "1.16.1", R"(,"jail":"off")");
    start();
    must_save();
    EXPECT_TRUE(restore());
    use("good");
    EXPECT_FALSE(restore());
    EXPECT_EQ(jails.source_of("/save/memory"), save.directory + "/memory");
    jails.works = false;
    use("good", "1.16.1", R"(,"jail":"require")");
    expect_error(restore(), Code::unavailable, "requires a jail, and nobody jails here");
}

TEST_F(JailedSaveTest, AnotherDiskIsHandedInByItsOwnName)
{
    use("good");
    start();
    pretend_disk();
    const auto first = top("first.raw");
    ASSERT_TRUE(snapshot->swap_disks(machine, {first}));
    EXPECT_TRUE(sdk::os::is_same_file(in_jail("root.disk"), first.path));
    ASSERT_TRUE(snapshot->swap_disks(machine, {first})) << "done already";
    EXPECT_TRUE(sdk::os::is_same_file(in_jail("root.disk"), first.path));
    const auto second = top("second.raw");
    ASSERT_TRUE(snapshot->swap_disks(machine, {second}));
    EXPECT_TRUE(sdk::os::is_same_file(in_jail("root.disk"), second.path));
    for (const char* left : {"root.before.disk", "root.next.disk"})
        EXPECT_FALSE(sdk::os::exists(in_jail(left))) << left;
}

TEST_F(JailedSaveTest, ASwapThatIsRefusedLeadsBackToTheOldDisk)
{
    use("400@/drives/root");
    start();
    pretend_disk();
    expect_error(snapshot->swap_disks(machine, {top("top.raw")}), Code::invalid, "not today");
    std::array<char, 32> target{};
    ASSERT_GT(::readlink(in_jail("root.disk").c_str(), target.data(), target.size()), 0);
    EXPECT_STREQ(target.data(), "/disks/root");
    EXPECT_FALSE(sdk::os::exists(in_jail("root.before.disk")));
}

TEST_F(JailedSaveTest, NoDeviceAndNothingReadOnlyIsHandedInLater)
{
    use("good");
    start();
    pretend_disk();
    auto shared = top("shared.raw");
    shared.read_only = true;
    expect_error(snapshot->swap_disks(machine, {shared}), Code::unsupported, "read-only");
    sdk::Disk device{"root", "/dev/null", "raw", false, 4096};
    expect_error(snapshot->swap_disks(machine, {device}), Code::unsupported, "/dev/null is a device");
}

TEST_F(JailedSaveTest, AMoveThatWasCutOffIsEndedAsFirecrackerSawIt)
{
    use("good");
    start();
    pretend_disk();
    const auto first = top("first.raw");
    const auto missing = sdk::Disk{"root", file("missing.raw"), "raw", false, 4096};
    ASSERT_TRUE(sdk::os::remove_file(missing.path));
    // The name was the new disk's, and nobody told Firecracker.
    ASSERT_EQ(::rename(in_jail("root.disk").c_str(), in_jail("root.before.disk").c_str()), 0);
    ASSERT_EQ(::link(first.path.c_str(), in_jail("root.disk").c_str()), 0);
    EXPECT_FALSE(snapshot->swap_disks(machine, {missing}));
    EXPECT_FALSE(sdk::os::is_same_file(in_jail("root.disk"), first.path));
    // It was told, and only the note of it stayed.
    ASSERT_TRUE(snapshot->swap_disks(machine, {first}));
    ASSERT_EQ(::symlink("/disks/root", in_jail("root.before.disk").c_str()), 0);
    EXPECT_FALSE(snapshot->swap_disks(machine, {missing}));
    EXPECT_TRUE(sdk::os::is_same_file(in_jail("root.disk"), first.path));
    EXPECT_FALSE(sdk::os::exists(in_jail("root.before.disk")));
}

}  // namespace
}  // namespace banger::firecracker
