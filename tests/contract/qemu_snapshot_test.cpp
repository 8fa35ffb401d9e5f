// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What is special about saves of QEMU's; the rest is VmmSnapshotContract.
#include "qemu_snapshot.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "banger/sdk/json_text.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/call_watch.hpp"
#include "command_line.hpp"
#include "qemu_machines.hpp"
#include "qemu_vmm.hpp"
#include "tests/demanded_accelerator.hpp"

namespace banger::sdk::testing {
namespace {

using ::testing::HasSubstr;

class QemuSnapshotTest : public ::testing::Test {
protected:
    void TearDown() override
    {
        for (const auto& handle : vmm ? vmm->list().value_or({}) : std::vector<Handle>{})
            EXPECT_TRUE(vmm->release(handle));
    }
    void start(const BootSpec& boot, const std::string& accelerator = banger::tests::demanded_accelerator())
    {
        const std::string config = R"({"accelerator":")" + accelerator + "\"}";
        auto made_vmm = qemu::make_vmm(host, config);
        auto made_snapshot = qemu::make_snapshot(host, config);
        ASSERT_TRUE(made_vmm && made_snapshot);
        vmm = std::move(*made_vmm);
        snapshot = std::move(*made_snapshot);
        spec = boot;
        auto attached = vmm->attach(spec, call);
        ASSERT_TRUE(attached) << attached.error().message;
        machine = attached->handle;
        save.directory = host.directory() + "/save";
        ASSERT_TRUE(os::make_private_directory(save.directory));
    }
    void must_save()
    {
        const auto begun = snapshot->begin_save(machine, save, call);
        ASSERT_TRUE(begun) << begun.error().message;
        const auto finished = snapshot->finish_save(machine, save, call);
        ASSERT_TRUE(finished) << finished.error().message;
        const auto sealed = snapshot->seal_save(save, call);
        ASSERT_TRUE(sealed) << sealed.error().message;
    }
    std::uint64_t stream_bytes() const
    {
        struct stat file {};
        EXPECT_EQ(::stat((save.directory + "/machine").c_str(), &file), 0);
        return static_cast<std::uint64_t>(file.st_size);
    }
    bool runs() { return monitor_of(machine).runs().value_or(false); }

    FakeHost host;
    FakeCall call;
    std::unique_ptr<Vmm> vmm;
    std::unique_ptr<VmmSnapshot> snapshot;
    BootSpec spec;
    Handle machine;
    SaveSpec save;
};

TEST_F(QemuSnapshotTest, AMachineThatWritesWithoutEndIsSavedInBoundedSpace)
{
    start(busy_guest(host));
    ASSERT_TRUE(showed_something(machine.owner, std::chrono::minutes(1)));
    must_save();
    EXPECT_GT(stream_bytes(), 96U << 20U);
    EXPECT_LT(stream_bytes(), spec.memory_mib * (1U << 20U) * 5 / 2);
    ASSERT_TRUE(snapshot->resume(machine));
    EXPECT_TRUE(runs());
}

// The next daemon may find another QEMU or accelerator on the host than the machine was started with.
TEST_F(QemuSnapshotTest, AMachineIsSavedAsWhatItRunsOnAndNotAsTheHostIsNow)
{
    start(counting_guest(host), "tcg");
    auto emulating = std::move(snapshot);
    auto other = qemu::make_snapshot(host, R"({"accelerator":"kvm","program":"/nowhere/qemu"})");
    ASSERT_TRUE(other);
    snapshot = std::move(*other);
    must_save();
    const auto facts = os::read_file(save.directory + "/facts");
    ASSERT_TRUE(facts);
    EXPECT_THAT(*facts, HasSubstr("accelerator: tcg\n"));
    EXPECT_TRUE(emulating->restore({counting_guest(host), save.directory}, call));
}

// Of a QEMU that is stopped, or waits for its disk. The plugin has 20 s to let go of a call that was cancelled.
TEST_F(QemuSnapshotTest, WhoeverCancelsNeedNotWaitForAQemuThatDoesNotAnswer)
{
    start(counting_guest(host));
    const auto cancelled_soon = [&](const std::function<Result<void>(Call&)>& verb) {
        FakeCall caller;
        auto done = std::async(std::launch::async, [&] { return verb(caller); });
        EXPECT_EQ(done.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
        caller.cancel();
        EXPECT_EQ(done.wait_for(std::chrono::seconds(10)), std::future_status::ready);
        EXPECT_EQ(to_string(done.get().error().code), to_string(Code::cancelled));
    };
    ASSERT_TRUE(vmm->kill(machine, SIGSTOP));
    cancelled_soon([&](Call& caller) { return snapshot->begin_save(machine, save, caller); });
    ASSERT_TRUE(vmm->kill(machine, SIGCONT));
    EXPECT_TRUE(runs());
    EXPECT_TRUE(os::list_directory(save.directory)->empty());
    ASSERT_TRUE(snapshot->begin_save(machine, save, call));
    ASSERT_TRUE(vmm->kill(machine, SIGSTOP));
    cancelled_soon([&](Call& caller) { return snapshot->finish_save(machine, save, caller); });
    ASSERT_TRUE(vmm->kill(machine, SIGCONT));
    ASSERT_TRUE(snapshot->resume(machine));
    EXPECT_TRUE(runs());
}

TEST_F(QemuSnapshotTest, WhoeverCancelsNeedNotWaitForASlowDisk)
{
    start(counting_guest(host));
    ASSERT_TRUE(snapshot->begin_save(machine, save, call));
    ASSERT_TRUE(snapshot->finish_save(machine, save, call));
    FakeCall caller;
    Result<void> sealed;
    {
        CallWatch watch({SYS_fdatasync}, [&] { sealed = snapshot->seal_save(save, caller); });
        const auto stopped = watch.next();
        ASSERT_TRUE(stopped);
        EXPECT_EQ(stopped->path, save.directory + "/machine");
        EXPECT_FALSE(watch.ends(std::chrono::milliseconds(200)));
        caller.cancel();
        EXPECT_TRUE(watch.ends(std::chrono::seconds(10)));
    }
    EXPECT_EQ(to_string(sealed.error().code), to_string(Code::cancelled));
    EXPECT_FALSE(snapshot->restore({counting_guest(host), save.directory}, call));
    sealed = snapshot->seal_save(save, call);
    EXPECT_TRUE(sealed) << sealed.error().message;
}

// The kernel says it to whoever asks first, and to nobody else.
TEST_F(QemuSnapshotTest, ASaveOfWhichTheDiskLostSomethingIsNeverSealed)
{
    start(counting_guest(host));
    ASSERT_TRUE(snapshot->begin_save(machine, save, call));
    ASSERT_TRUE(snapshot->finish_save(machine, save, call));
    Result<void> sealed;
    {
        CallWatch watch({SYS_fdatasync}, [&] { sealed = snapshot->seal_save(save, call); });
        ASSERT_TRUE(watch.next());
        watch.fail(EIO);
    }
    EXPECT_FALSE(sealed);
    sealed = snapshot->seal_save(save, call);
    ASSERT_FALSE(sealed);
    EXPECT_EQ(to_string(sealed.error().code), to_string(Code::not_found));
    EXPECT_FALSE(snapshot->restore({counting_guest(host), save.directory}, call));
}

TEST_F(QemuSnapshotTest, AQemuThatStartsNoMachineIsWaitedForAsLongAsItsConfigurationSays)
{
    start(counting_guest(host), "tcg");
    must_save();
    const std::string program = host.directory() + "/qemu";
    ASSERT_TRUE(os::write_file_atomic(
        program, "#!/bin/sh\ncase $* in\n*--version) exec qemu-system-x86_64 --version;;\n*) exec sleep 60;;\nesac\n",
        0700));
    auto patient = qemu::make_snapshot(host, R"({"accelerator":"tcg","program":")" + program +
                                                 R"(","start_patience":1})");
    ASSERT_TRUE(patient);
    const auto before = std::chrono::steady_clock::now();
    const auto restored = (*patient)->restore({counting_guest(host), save.directory}, call);
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(20));
    ASSERT_FALSE(restored);
    EXPECT_EQ(to_string(restored.error().code), to_string(Code::timed_out));
    EXPECT_THAT(restored.error().message, HasSubstr("QEMU did not start its machine within 1 s"));
}

TEST_F(QemuSnapshotTest, WhatDoesNotFitIsNamed)
{
    start(counting_guest(host));
    must_save();
    auto larger = counting_guest(host);
    larger.memory_mib = 64;
    const auto restored = snapshot->restore({larger, save.directory}, call);
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().message, "the saved machine has memory 32 MiB, and this one would have memory 64 MiB");
    auto facts = os::read_file(save.directory + "/facts");
    ASSERT_TRUE(facts);
    facts->replace(0, facts->find('\n'), "QEMU: 6.2.0");
    ASSERT_TRUE(os::write_file_atomic(save.directory + "/facts", *facts));
    const auto of_another = snapshot->restore({counting_guest(host), save.directory}, call);
    ASSERT_FALSE(of_another);
    EXPECT_THAT(of_another.error().message, HasSubstr("saved machine has QEMU 6.2.0, and this one would have QEMU "));
    EXPECT_EQ(of_another.error().code, Code::precondition);
}

TEST_F(QemuSnapshotTest, ASaveOfAnEarlierBootOfTheHostThatWasNotSealedIsNone)
{
    start(counting_guest(host));
    ASSERT_TRUE(snapshot->begin_save(machine, save, call));
    ASSERT_TRUE(snapshot->finish_save(machine, save, call));
    auto unsealed = os::read_file(save.directory + "/unsealed");
    ASSERT_TRUE(unsealed);
    (*unsealed)[0] = (*unsealed)[0] == '0' ? '1' : '0';  // another boot's id
    ASSERT_TRUE(os::write_file_atomic(save.directory + "/unsealed", *unsealed));
    const auto sealed = snapshot->seal_save(save, call);
    ASSERT_FALSE(sealed);
    EXPECT_EQ(to_string(sealed.error().code), to_string(Code::not_found));
}

// A daemon that died between adding a disk to QEMU and moving the machine to it.
TEST_F(QemuSnapshotTest, ASwapThatWasCutOffIsDoneByTheNext)
{
    start(counting_guest(host));
    ASSERT_TRUE(writes(machine, "root", 1));
    const Disk top = new_top(spec, spec.disks.at(0));
    {
        auto monitor = monitor_of(machine);
        ASSERT_TRUE(monitor.tell("blockdev-add",
                                 R"({"driver":"qcow2","node-name":"root.1","backing":null,"file":{"driver":"file",)"
                                 R"("node-name":"root.1.file","filename":)" +
                                     json_string(top.path) + "}}"));
    }
    const auto swapped = snapshot->swap_disks(machine, {top});
    ASSERT_TRUE(swapped) << swapped.error().message;
    EXPECT_TRUE(reads(machine, "root", 1));
    ASSERT_TRUE(writes(machine, "root", 2));
    EXPECT_TRUE(holds(top, 2));
    EXPECT_TRUE(holds(spec.disks.at(0), 1));
    ASSERT_TRUE(snapshot->swap_disks(machine, {top})) << "done already";
}

/// Runs `body` where `directory` is a disk of its own, of so many MiB.
void on_small_disk(const std::string& directory, unsigned mib, const std::function<void()>& body)
{
    std::thread([&] {
        ASSERT_EQ(::unshare(CLONE_NEWNS), 0);  // for this thread alone
        ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
        const std::string options = "size=" + std::to_string(mib) + "m";
        ASSERT_EQ(::mount("none", directory.c_str(), "tmpfs", 0, options.c_str()), 0);
        body();
    }).join();
}

TEST_F(QemuSnapshotTest, WithoutRoomASaveIsNotBegun)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can mount a small disk";
    start(busy_guest(host));
    ASSERT_TRUE(showed_something(machine.owner, std::chrono::minutes(1)));
    on_small_disk(save.directory, 64, [&] {
        const auto begun = snapshot->begin_save(machine, save, call);
        ASSERT_FALSE(begun);
        EXPECT_EQ(to_string(begun.error().code), to_string(Code::no_space)) << begun.error().message;
        EXPECT_TRUE(os::list_directory(save.directory)->empty());
    });
    EXPECT_TRUE(runs());
}

TEST_F(QemuSnapshotTest, ADiskThatFillsUpIsNamedAndTheMachineGoesOn)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can mount a small disk";
    start(counting_guest(host));
    ASSERT_GT(counted(machine.owner, 0, std::chrono::minutes(1)), 0U);
    on_small_disk(save.directory, 256, [&] {
        ASSERT_TRUE(snapshot->begin_save(machine, save, call));
        const std::string filler = save.directory + "/filler";
        const auto file = os::open_file(filler, O_WRONLY | O_CREAT);
        ASSERT_TRUE(file);
        while (os::write_all(file->get(), std::string(1U << 20U, '#'))) {
        }
        while (os::write_all(file->get(), "#")) {
        }
        const auto finished = snapshot->finish_save(machine, save, call);
        ASSERT_FALSE(finished);
        EXPECT_EQ(to_string(finished.error().code), to_string(Code::no_space)) << finished.error().message;
        ASSERT_TRUE(os::remove_file(filler));
        const auto sealed = snapshot->seal_save(save, call);
        ASSERT_FALSE(sealed);
        EXPECT_EQ(to_string(sealed.error().code), to_string(Code::not_found));
    });
    ASSERT_TRUE(snapshot->resume(machine));
    EXPECT_TRUE(runs());
    save.directory = host.directory() + "/second";
    ASSERT_TRUE(os::make_private_directory(save.directory));
    must_save();
}

}  // namespace
}  // namespace banger::sdk::testing
