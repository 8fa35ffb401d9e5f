// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/vmm.hpp"
#include "banger/sdk/vmm_process.hpp"

namespace banger::sdk::testing {

/// A vmm/0 provider for the contract.
struct VmmUnderTest {
    std::string name;                                      ///< what tests are called after
    std::function<std::unique_ptr<Vmm>(Host&)> open;       ///< a fresh provider, as after a restart of the daemon
    std::function<BootSpec(const FakeHost&)> usable_spec;  ///< a boot of a new VM that works, with at least one disk
};

inline std::ostream& operator<<(std::ostream& out, const VmmUnderTest& vmm)
{
    return out << vmm.name;
}

/// What every vmm/0 provider promises. Instantiate for each provider and each fake:
///     INSTANTIATE_TEST_SUITE_P(Qemu, VmmContract, ::testing::Values(VmmUnderTest{...}));
class VmmContract : public ::testing::TestWithParam<VmmUnderTest> {
protected:
    void SetUp() override
    {
        vmm = GetParam().open(host);
        ASSERT_NE(vmm, nullptr);
    }
    void TearDown() override
    {
        if (vmm == nullptr)
            return;
        for (auto& handle : listed())
            EXPECT_TRUE(vmm->release(handle));
    }

    BootSpec new_spec() { return GetParam().usable_spec(host); }
    void reopen() { vmm = GetParam().open(host); }
    bool present(const Handle& handle)
    {
        auto inspection = vmm->inspect(handle);
        EXPECT_TRUE(inspection) << inspection.error().message;
        return inspection && inspection->present;
    }
    std::vector<Handle> listed()
    {
        auto handles = vmm->list();
        EXPECT_TRUE(handles) << handles.error().message;
        return handles ? *handles : std::vector<Handle>{};
    }
    Handle must_attach(const BootSpec& spec)
    {
        auto attached = vmm->attach(spec, call);
        EXPECT_TRUE(attached) << attached.error().message;
        return attached ? attached->handle : Handle{};
    }
    /// The attach fails with this code, and leaves neither a VMM nor a socket.
    void expect_refused(const BootSpec& spec, Code code)
    {
        auto attached = vmm->attach(spec, call);
        ASSERT_FALSE(attached);
        EXPECT_EQ(to_string(attached.error().code), to_string(code)) << attached.error().message;
        EXPECT_FALSE(attached.error().message.empty());
        EXPECT_TRUE(listed().empty());
        EXPECT_FALSE(os::exists(spec.owner.directory + "/" + api_socket_name));
        EXPECT_FALSE(os::exists(spec.owner.directory + "/" + agent_socket_name));
    }

    FakeHost host;
    FakeCall call;
    std::unique_ptr<Vmm> vmm;
};

TEST_P(VmmContract, ProbeSaysWhatItWorksWith)
{
    auto probe = vmm->probe(call);
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_TRUE(probe->usable) << probe->reason;
    EXPECT_FALSE(probe->reason.empty());
    EXPECT_FALSE(probe->accepts.empty());
    EXPECT_TRUE(probe->facts.contains("accelerator"));
}

TEST_P(VmmContract, PlanTouchesNothing)
{
    const auto spec = new_spec();
    const auto before = os::list_directory(spec.owner.directory);
    auto plan = vmm->plan(spec);
    ASSERT_TRUE(plan) << plan.error().message;
    ASSERT_FALSE(plan->empty());
    for (const auto& handle : *plan) {
        EXPECT_TRUE(handle.bound.empty());
        EXPECT_FALSE(present(handle));
    }
    EXPECT_EQ(*os::list_directory(spec.owner.directory), *before);
    EXPECT_TRUE(listed().empty());
}

TEST_P(VmmContract, AttachMakesWhatPlanNamed)
{
    const auto spec = new_spec();
    const auto plan = vmm->plan(spec);
    ASSERT_TRUE(plan);
    const auto handle = must_attach(spec);
    const auto named = std::find_if(plan->begin(), plan->end(), [&](const Handle& planned) {
        return planned.kind == handle.kind && planned.provider == handle.provider && planned.key == handle.key;
    });
    EXPECT_NE(named, plan->end());
    EXPECT_EQ(handle.kind, "vmm/0");
    EXPECT_EQ(handle.owner.vm, spec.owner.vm);
    EXPECT_EQ(handle.owner.directory, spec.owner.directory);
    EXPECT_TRUE(handle.bound.contains("pid"));
    EXPECT_TRUE(handle.bound.contains("start_time"));
}

TEST_P(VmmContract, WhatIsAttachedIsPresentUntilReleased)
{
    const auto handle = must_attach(new_spec());
    EXPECT_TRUE(present(handle));
    EXPECT_EQ(vmm->inspect(handle)->facts.at("pid"), handle.bound.at("pid"));
    EXPECT_TRUE(vmm->release(handle));
    EXPECT_FALSE(present(handle));
}

TEST_P(VmmContract, ReleaseIsIdempotentAndWorksAfterARestart)
{
    const auto handle = must_attach(new_spec());
    reopen();
    EXPECT_TRUE(present(handle));
    EXPECT_TRUE(vmm->release(handle));
    EXPECT_TRUE(vmm->release(handle));
    EXPECT_FALSE(present(handle));
    EXPECT_TRUE(listed().empty());
}

TEST_P(VmmContract, TheKeyAloneIsEnough)
{
    auto handle = must_attach(new_spec());
    handle.bound.clear();
    reopen();
    EXPECT_TRUE(present(handle));
    EXPECT_TRUE(vmm->release(handle));
    EXPECT_FALSE(present(handle));
}

TEST_P(VmmContract, ListFindsItAfterARestartAndNotOtherInstances)
{
    const auto handle = must_attach(new_spec());
    FakeHost other_host;
    const auto other = GetParam().open(other_host);
    const auto other_attached = other->attach(GetParam().usable_spec(other_host), call);
    ASSERT_TRUE(other_attached) << other_attached.error().message;

    reopen();
    const auto found = listed();
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].kind, handle.kind);
    EXPECT_EQ(found[0].provider, handle.provider);
    EXPECT_EQ(found[0].key, handle.key);
    EXPECT_EQ(found[0].owner.instance, handle.owner.instance);
    EXPECT_EQ(found[0].owner.vm, handle.owner.vm);
    EXPECT_EQ(found[0].owner.directory, handle.owner.directory);
    auto bound = handle.bound;
    bound.erase("pids");  // which only who started them has to know
    EXPECT_EQ(found[0].bound, bound);

    EXPECT_TRUE(vmm->release(found[0]));
    EXPECT_TRUE(other->inspect(other_attached->handle)->present);
    EXPECT_TRUE(other->release(other_attached->handle));
}

TEST_P(VmmContract, TwoMachinesSideBySide)
{
    const auto first = must_attach(new_spec());
    const auto second = must_attach(new_spec());
    EXPECT_EQ(listed().size(), 2U);
    EXPECT_TRUE(vmm->release(first));
    EXPECT_FALSE(present(first));
    EXPECT_TRUE(present(second));
}

TEST_P(VmmContract, ASecondAttachIsRefusedAndTheFirstLivesOn)
{
    const auto spec = new_spec();
    const auto handle = must_attach(spec);
    auto second = vmm->attach(spec, call);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::exists);
    EXPECT_TRUE(present(handle));
    EXPECT_EQ(vmm->inspect(handle)->facts.at("pid"), handle.bound.at("pid"));
}

TEST_P(VmmContract, AMachineCanBeAttachedAgainAfterRelease)
{
    const auto spec = new_spec();
    EXPECT_TRUE(vmm->release(must_attach(spec)));
    EXPECT_TRUE(present(must_attach(spec)));
}

TEST_P(VmmContract, KillSignalsTheMachineAndNothingElse)
{
    const auto spec = new_spec();
    const auto plan = vmm->plan(spec);
    ASSERT_TRUE(plan);
    const auto absent = vmm->kill(plan->front(), SIGTERM);
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().code, Code::not_found);

    const auto handle = must_attach(spec);
    EXPECT_TRUE(vmm->kill(handle, SIGKILL));
    EXPECT_TRUE(vmm->release(handle));
    EXPECT_FALSE(present(handle));
}

TEST_P(VmmContract, TheAgentChannelIsThereIfTheMachineSaysSo)
{
    const auto attached = vmm->attach(new_spec(), call);
    ASSERT_TRUE(attached) << attached.error().message;
    if (attached->value.channel == ChannelKind::none) {
        const auto channel = vmm->open_channel(attached->handle, call);
        ASSERT_FALSE(channel);
        EXPECT_EQ(channel.error().code, Code::unsupported);
        return;
    }
    if (attached->value.channel == ChannelKind::port) {
        const auto channel = vmm->open_channel(attached->handle, call);
        ASSERT_TRUE(channel) << channel.error().message;
        EXPECT_TRUE(os::write_all(channel->get(), "bytes wait for the guest"));
        return;
    }
    // Nobody in this guest need ever answer: a provider that waits for that gives up with the call.
    call.cancel();
    const auto channel = vmm->open_channel(attached->handle, call);
    ASSERT_FALSE(channel);
    EXPECT_EQ(to_string(channel.error().code), to_string(Code::cancelled)) << channel.error().message;
}

TEST_P(VmmContract, AForkableMachineIsOneLikeAnyOther)
{
    auto spec = new_spec();
    spec.forkable = true;
    EXPECT_TRUE(present(must_attach(spec)));
}

TEST_P(VmmContract, ACancelledAttachLeavesNothing)
{
    call.cancel();
    expect_refused(new_spec(), Code::cancelled);
}

TEST_P(VmmContract, NonsenseIsRefused)
{
    auto spec = new_spec();
    spec.vcpus = 0;
    expect_refused(spec, Code::invalid);
    spec = new_spec();
    spec.memory_mib = 0;
    expect_refused(spec, Code::invalid);
}

TEST_P(VmmContract, WhatItDoesNotAcceptIsRefused)
{
    auto spec = new_spec();
    spec.disks.at(0).format = "punched-cards";
    expect_refused(spec, Code::unsupported);
    spec = new_spec();
    spec.links = {Link{{"carrier-pigeon", {}}, "52:54:00:12:34:56", {}, {}, {}}};
    expect_refused(spec, Code::unsupported);
}

TEST_P(VmmContract, AMissingDiskLeavesNothing)
{
    auto spec = new_spec();
    spec.disks.at(0).path = spec.owner.directory + "/missing.disk";
    auto attached = vmm->attach(spec, call);
    ASSERT_FALSE(attached);
    EXPECT_NE(attached.error().message.find("missing.disk"), std::string::npos) << attached.error().message;
    expect_refused(spec, attached.error().code);
}

/// What a provider promises whose VMM is a process of its own. Instantiate beside VmmContract, except for fakes.
class VmmProcessContract : public VmmContract {
protected:
    static os::ProcessId process_of(const Handle& handle)
    {
        return {static_cast<pid_t>(std::stol(handle.bound.at("pid"))), std::stoull(handle.bound.at("start_time"))};
    }
    static Handle bound_to(Handle handle, const os::ProcessId& id)
    {
        handle.bound = {{"pid", std::to_string(id.pid)}, {"start_time", std::to_string(id.start_time)}};
        return handle;
    }
};

TEST_P(VmmProcessContract, TheProcessHasASessionAndADirectoryOfItsOwn)
{
    const auto spec = new_spec();
    const auto id = process_of(must_attach(spec));
    ASSERT_TRUE(os::is_alive(id));
    EXPECT_EQ(::getsid(id.pid), id.pid);
    struct stat theirs {};
    struct stat ours {};
    ASSERT_EQ(::stat(("/proc/" + std::to_string(id.pid) + "/cwd").c_str(), &theirs), 0);
    ASSERT_EQ(::stat(spec.owner.directory.c_str(), &ours), 0);
    EXPECT_EQ(theirs.st_ino, ours.st_ino);
}

TEST_P(VmmProcessContract, TheApiSocketIsPrivateAndSaysWhoListens)
{
    const auto spec = new_spec();
    const auto id = process_of(must_attach(spec));
    const std::string path = spec.owner.directory + "/" + api_socket_name;
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    const auto socket = os::try_connect_unix(path);
    ASSERT_TRUE(socket) << socket.error().message;
    EXPECT_EQ(os::peer_of(socket->get())->pid, id.pid);
}

TEST_P(VmmProcessContract, NoDescriptorOfTheCallerLeaks)
{
    // Left open on purpose, without close-on-exec, as a careless library would.
    const std::string path = host.directory() + "/secret";
    const os::UniqueFd secret(::open(path.c_str(), O_RDWR | O_CREAT, 0600));
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const os::UniqueFd read_end(ends[0]);
    const os::UniqueFd write_end(ends[1]);
    struct stat pipe {};
    struct stat file {};
    ASSERT_EQ(::fstat(ends[0], &pipe), 0);
    ASSERT_EQ(::fstat(secret.get(), &file), 0);

    const auto id = process_of(must_attach(new_spec()));
    const std::string directory = "/proc/" + std::to_string(id.pid) + "/fd";
    const auto numbers = os::list_directory(directory);
    ASSERT_TRUE(numbers) << numbers.error().message;
    for (const auto& number : *numbers) {
        struct stat theirs {};
        if (::stat((directory + "/" + number).c_str(), &theirs) != 0)
            continue;
        EXPECT_FALSE(theirs.st_dev == pipe.st_dev && theirs.st_ino == pipe.st_ino) << "descriptor " << number;
        EXPECT_FALSE(theirs.st_dev == file.st_dev && theirs.st_ino == file.st_ino) << "descriptor " << number;
    }
}

TEST_P(VmmProcessContract, WhatWasKilledBehindOurBackIsAbsentAndCleansUp)
{
    const auto spec = new_spec();
    const auto handle = must_attach(spec);
    ASSERT_TRUE(os::kill_and_wait(process_of(handle), SIGKILL, std::chrono::seconds(10)));
    EXPECT_FALSE(present(handle));
    EXPECT_TRUE(listed().empty());
    reopen();
    EXPECT_FALSE(present(handle));
    EXPECT_TRUE(vmm->release(handle));
    EXPECT_FALSE(os::exists(spec.owner.directory + "/" + api_socket_name));
    EXPECT_FALSE(os::exists(spec.owner.directory + "/" + agent_socket_name));
}

TEST_P(VmmProcessContract, AStrangerIsNeverTakenForItNorKilled)
{
    const auto spec = new_spec();
    const auto plan = vmm->plan(spec);
    ASSERT_TRUE(plan);
    os::Command command;
    command.argv = {"sleep", "600"};
    auto stranger = os::spawn(command);
    ASSERT_TRUE(stranger) << stranger.error().message;
    auto later = stranger->id();
    later.start_time += 1;
    for (const auto& id : {later, stranger->id()}) {
        const auto handle = bound_to(plan->front(), id);
        EXPECT_FALSE(present(handle));
        const auto killed = vmm->kill(handle, SIGKILL);
        ASSERT_FALSE(killed);
        EXPECT_EQ(killed.error().code, Code::not_found);
        EXPECT_TRUE(vmm->release(handle));
        EXPECT_TRUE(os::is_alive(stranger->id()));
    }
    stranger->kill_group(SIGKILL);
    EXPECT_TRUE(stranger->wait());
}

TEST_P(VmmProcessContract, TheLivingProcessCountsMoreThanAStaleNote)
{
    const auto handle = must_attach(new_spec());
    auto stale = process_of(handle);
    stale.start_time -= 1;
    const auto noted = bound_to(handle, stale);
    EXPECT_TRUE(present(noted));
    EXPECT_EQ(vmm->inspect(noted)->facts.at("start_time"), handle.bound.at("start_time"));
    EXPECT_TRUE(vmm->release(noted));
    EXPECT_FALSE(os::is_alive(process_of(handle)));
}

TEST_P(VmmProcessContract, AStoppedProcessWithoutASocketIsStillFound)
{
    const auto spec = new_spec();
    auto handle = must_attach(spec);
    const auto id = process_of(handle);
    ASSERT_TRUE(vmm->kill(handle, SIGSTOP));
    handle.bound.clear();
    for (int i = 0; i < 8; ++i)  // more than its queue of connections holds: it must never be waited for
        EXPECT_TRUE(present(handle));
    ASSERT_TRUE(os::remove_file(spec.owner.directory + "/" + api_socket_name));
    EXPECT_TRUE(present(handle));
    EXPECT_TRUE(vmm->release(handle));
    EXPECT_FALSE(os::is_alive(id));
}

TEST_P(VmmProcessContract, AMissingKernelLeavesNothing)
{
    auto spec = new_spec();
    spec.kernel = spec.owner.directory + "/missing-kernel";
    auto attached = vmm->attach(spec, call);
    ASSERT_FALSE(attached);
    EXPECT_NE(attached.error().message.find("missing-kernel"), std::string::npos) << attached.error().message;
    expect_refused(spec, attached.error().code);
}

TEST_P(VmmProcessContract, StaleSocketsOfACrashAreNoObstacle)
{
    const auto spec = new_spec();
    ASSERT_TRUE(os::listen_unix(spec.owner.directory + "/" + api_socket_name));
    ASSERT_TRUE(os::listen_unix(spec.owner.directory + "/" + agent_socket_name));
    EXPECT_TRUE(present(must_attach(spec)));
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(VmmProcessContract);

}  // namespace banger::sdk::testing
