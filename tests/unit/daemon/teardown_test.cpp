// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/teardown.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <future>
#include <limits>

#include "core/base/fault.hpp"
#include "core/daemon/session_end.hpp"
#include "core/doctor/check.hpp"
#include "core/lifecycle/sources.hpp"
#include "core/lifecycle/stop.hpp"
#include "core/lifecycle/teardown.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/plugins/kinds.hpp"
#include "service_world.hpp"

namespace banger::daemon {
namespace {

using lifecycle::Operation;

/// A machine that runs, whose disk is released when a test likes it.
class TeardownTest : public ServiceWorld {
protected:
    TeardownTest() : vm_(add("aabbccddee01", "fake", "stubborn"))
    {
        tear_down_with(std::chrono::milliseconds(1));
        auto journal = engine_->journal_of(vm_.id);
        EXPECT_TRUE(journal->note_bound({"storage/0", "stubborn", "root", owner_of(vm_.id), {}}));
        sdk::BootSpec boot;
        boot.owner = owner_of(vm_.id);
        boot.memory_mib = 1;
        auto machine = provider<sdk::Vmm>("fake")->attach(boot, call_);
        EXPECT_TRUE(machine) << machine.error().message;
        EXPECT_TRUE(journal->note_bound(machine->handle));
    }
    ~TeardownTest() override
    {
        let_go();
        shut_down();
    }

    void tear_down_with(std::chrono::milliseconds first_pause)
    {
        teardown_ = std::make_unique<Teardown>(loop_, *service_, first_pause);
        engine_->tear_down_later = [this](std::shared_ptr<lifecycle::LockedVm> vm) { teardown_->begin(std::move(vm)); };
    }
    [[nodiscard]] std::string in_directory(const std::string& name) const { return owner_of(vm_.id).directory + "/" + name; }
    /// Until let_go() the disk is not released.
    void hold() { ASSERT_EQ(::mkfifo(in_directory("hold-release").c_str(), 0600), 0); }
    /// When somebody is at it.
    void let_go()
    {
        const std::string fifo = in_directory("hold-release");
        if (!sdk::os::exists(fifo))
            return;
        const auto held = sdk::os::open_file(fifo, O_WRONLY);
        EXPECT_TRUE(sdk::os::remove_file(fifo));
    }
    /// How often that fails.
    void refuse(std::size_t times)
    {
        EXPECT_TRUE(sdk::os::write_file_atomic(in_directory("refuse-release"), std::string(times, 'x')));
    }

    template <typename Verb>
    auto carry_out(Verb verb)
    {
        Operation operation("test", nullptr);
        return verb(operation);
    }
    auto kill()
    {
        return carry_out([&](Operation& operation) { return lifecycle::kill_vm(*engine_, vm_.name, "KILL", operation); });
    }
    auto remove()
    {
        return carry_out([&](Operation& operation) { return lifecycle::delete_vm(*engine_, vm_.name, {}, operation); });
    }
    void await()
    {
        carry_out([&](Operation& operation) {
            lifecycle::await_teardowns(*engine_, operation);
            return 0;
        });
    }
    template <typename Verb>
    auto later(Verb verb)
    {
        return std::async(std::launch::async, [this, verb] { return carry_out(verb); });
    }
    template <typename Result>
    static bool waits(const std::future<Result>& result)
    {
        return result.wait_for(std::chrono::milliseconds(50)) == std::future_status::timeout;
    }
    [[nodiscard]] std::vector<handles::Entry> held() const { return handles::read_journal(owner_of(vm_.id)).entries; }
    [[nodiscard]] json::Document view() const
    {
        return *json::parse_object(lifecycle::view_of(*engine_, *engine_->store.find_id(vm_.id)).text(), "a view");
    }

    std::unique_ptr<Teardown> teardown_;
    model::VmRecord vm_;
};

TEST_F(TeardownTest, AStopIsAnsweredBeforeWhatTheMachineHeldIsReleased)
{
    std::vector<std::string> withdrawn;
    engine_->withdraw_ports = [&](const std::string& vm) { withdrawn.push_back(vm); };
    hold();
    ASSERT_TRUE(kill());
    EXPECT_THAT(withdrawn, ::testing::ElementsAre(vm_.id));
    EXPECT_EQ(store_->find_id(vm_.id)->desired, model::Desired::stopped);
    ASSERT_EQ(held().size(), 1U) << "the VMM is gone, and the disk is not";
    EXPECT_EQ(held().front().handle.provider, "stubborn");
    EXPECT_EQ(json::string_or(view(), "state"), "stopped");
    EXPECT_TRUE(json::find_strings(view(), "leftovers").empty()) << "what is being released is not left over";
    let_go();
    await();
    EXPECT_TRUE(held().empty());
}

TEST_F(TeardownTest, WhoeverNeedsTheMachineWaitsForItsTeardown)
{
    hold();
    ASSERT_TRUE(kill());
    auto changed = later([&](Operation& operation) {
        lifecycle::Change change;
        change.vcpus = 2;
        return lifecycle::set_vm(*engine_, vm_.name, change, operation);
    });
    auto started = later([&](Operation& operation) { return lifecycle::start_vm(*engine_, vm_.name, operation); });
    EXPECT_TRUE(waits(changed));
    EXPECT_TRUE(waits(started));
    let_go();
    EXPECT_TRUE(changed.get());
    const auto start = started.get();
    ASSERT_FALSE(start) << "it has no image";
    EXPECT_NE(start.error().code, sdk::Code::busy) << start.error().message;
}

TEST_F(TeardownTest, RoomThatIsMissingForAStartIsWaitedForWhileSomethingGoes)
{
    const auto other = add("aabbccddee02", "fake", "fake");
    config_.daemon.pause_below.value = std::numeric_limits<std::uint64_t>::max() / 4;
    hold();
    ASSERT_TRUE(remove());
    auto started = later([&](Operation& operation) { return lifecycle::start_vm(*engine_, other.name, operation); });
    EXPECT_TRUE(waits(started));
    let_go();
    EXPECT_EQ(started.get().error().code, sdk::Code::no_space) << "there is none now either";
}

TEST_F(TeardownTest, AVmWhoseDeletionWasAnsweredIsGoneAndItsNameIsFreeOnceTheRestIs)
{
    hold();
    ASSERT_TRUE(remove());
    EXPECT_TRUE(store_->list()->empty());
    EXPECT_EQ(store_->find(vm_.name).error().code, sdk::Code::not_found);
    EXPECT_EQ(remove().error().code, sdk::Code::not_found);
    EXPECT_EQ(store_->find_id(vm_.id)->desired, model::Desired::deleted) << "for the next daemon";
    auto created = later([&](Operation& operation) {
        model::VmSpec spec;
        spec.name = vm_.name;
        return lifecycle::create_vm(*engine_, spec, {}, operation);
    });
    EXPECT_TRUE(waits(created));
    let_go();
    const auto created_anew = created.get();
    ASSERT_FALSE(created_anew) << "there are no images here";
    EXPECT_NE(created_anew.error().code, sdk::Code::exists) << created_anew.error().message;
    EXPECT_EQ(store_->find_id(vm_.id).error().code, sdk::Code::not_found);
    EXPECT_FALSE(sdk::os::exists(owner_of(vm_.id).directory));
}

TEST_F(TeardownTest, AKernelOfAVmThatIsDeletedIsInUseUntilItIsGone)
{
    vm_.kernel_id = "0123456789abcdef";
    ASSERT_TRUE(store_->update(vm_));
    hold();
    ASSERT_TRUE(remove());
    EXPECT_TRUE(lifecycle::users_of_kernel(*engine_, vm_.kernel_id)->empty());
    auto removed = later([&](Operation& operation) {
        return lifecycle::remove_kernel(*engine_, vm_.kernel_id, "linux", operation);
    });
    EXPECT_TRUE(waits(removed));
    let_go();
    const auto result = removed.get();
    EXPECT_TRUE(result || result.error().code != sdk::Code::busy) << result.error().message;
}

TEST_F(TeardownTest, WhoeverWaitsForATeardownDoesNotWaitForWhoeverIsNext)
{
    hold();
    ASSERT_TRUE(kill());
    std::promise<void> enough;
    auto next = later([&](Operation& operation) {
        auto locked = lifecycle::lock_vm(*engine_, vm_, "tested", operation);
        enough.get_future().wait();
        return locked.has_value();
    });
    EXPECT_TRUE(waits(next));
    auto waiting = later([&](Operation& operation) { return lifecycle::await_teardowns(*engine_, operation); });
    EXPECT_TRUE(waits(waiting));
    let_go();
    EXPECT_TRUE(waiting.get().empty());
    enough.set_value();
    EXPECT_TRUE(next.get());
}

TEST_F(TeardownTest, AnImageOfOthersIsRemovedWhateverIsBeingReleased)
{
    hold();
    ASSERT_TRUE(remove());
    auto removed = later([&](Operation& operation) {
        return lifecycle::remove_kernel(*engine_, "0123456789abcdef", "linux", operation);
    });
    EXPECT_EQ(removed.wait_for(lifecycle::patience_for_lock / 2), std::future_status::ready);
    let_go();
}

TEST_F(TeardownTest, WhatFailsIsTriedAgain)
{
    refuse(2);
    ASSERT_TRUE(remove());
    await();
    EXPECT_EQ(store_->find_id(vm_.id).error().code, sdk::Code::not_found);
    EXPECT_FALSE(sdk::os::exists(owner_of(vm_.id).directory));
}

TEST_F(TeardownTest, WhatFailsForGoodIsShownAndToldToWhoeverAsksAgain)
{
    refuse(100);
    ASSERT_TRUE(remove());
    const auto report = carry_out([&](Operation& operation) { return *lifecycle::audit(*engine_, false, operation); });
    const auto line = std::find_if(report.lines.begin(), report.lines.end(), [](const auto& each) {
        return each.finding.kind == handles::Finding::Kind::unfinished_teardown;
    });
    ASSERT_NE(line, report.lines.end());
    EXPECT_THAT(line->finding.what, ::testing::HasSubstr("'" + vm_.name + "' was deleted"));
    EXPECT_FALSE(report.clean());
    ASSERT_EQ(store_->list()->size(), 1U) << "nothing is hidden";
    EXPECT_THAT(json::find_strings(view(), "leftovers"), ::testing::ElementsAre("storage/0 stubborn root"));
    const auto checks =
        carry_out([&](Operation& operation) { return doctor::check_teardowns(*engine_, operation); });
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks.front().status, doctor::Status::warning);
    EXPECT_THAT(checks.front().hint, ::testing::HasSubstr("banger vm delete " + vm_.name));
    const auto again = remove();
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().message, ::testing::HasSubstr("somebody has disk 'root' open"));
    await();
    refuse(0);
    EXPECT_TRUE(remove());
    EXPECT_TRUE(store_->list()->empty());
}

TEST_F(TeardownTest, OfAMachineThatIsStoppedAlreadyWhatKeepsTheRestIsTold)
{
    refuse(100);
    ASSERT_TRUE(kill());
    await();
    const auto stopped = carry_out([&](Operation& operation) {
        return lifecycle::stop_vm(*engine_, vm_.name, std::chrono::milliseconds(0), operation);
    });
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, sdk::Code::busy);
}

TEST_F(TeardownTest, TheEndOfAVmmIsNotSettledBehindItsTeardown)
{
    Operation holding("test", nullptr);
    auto lock = lifecycle::lock_vm(*engine_, vm_, "killed", holding);
    ASSERT_TRUE(lock);
    auto settled = later([&](Operation& operation) { return lifecycle::settle_exited_vm(*engine_, vm_.id, operation); });
    EXPECT_TRUE(waits(settled)) << "somebody may have begun with it who makes no teardown";
    engine_->in_teardown.add(vm_.id);
    EXPECT_TRUE(settled.get());
    engine_->in_teardown.end(vm_.id, *lock);
    EXPECT_TRUE(provider<sdk::Vmm>("fake")->release({"vmm/0", "fake", "vmm", owner_of(vm_.id), {}}));
}

TEST(Teardowns, CancelWhatTheyMakeNeedlessAsTheyBegin)
{
    lifecycle::Teardowns teardowns;
    base::CallContext web;
    base::CallContext db;
    const lifecycle::Teardowns::Cancels of_web(teardowns, "web", web);
    const lifecycle::Teardowns::Cancels of_db(teardowns, "db", db);
    {
        base::CallContext over;
        const lifecycle::Teardowns::Cancels of_over(teardowns, "web", over);
    }
    teardowns.add("web");
    EXPECT_TRUE(web.cancelled());
    EXPECT_FALSE(db.cancelled());
    base::CallContext late;
    const lifecycle::Teardowns::Cancels of_late(teardowns, "web", late);
    EXPECT_TRUE(late.cancelled());
}

TEST_F(TeardownTest, WhatATeardownGaveUpIsNotTriedAgainForTheEndOfItsVmm)
{
    refuse(100);
    ASSERT_TRUE(kill());
    await();
    const auto refusals = sdk::os::read_file(in_directory("refuse-release"));
    EXPECT_EQ(refusals->size(), 95U);
    EXPECT_TRUE(carry_out([&](Operation& operation) { return lifecycle::settle_exited_vm(*engine_, vm_.id, operation); }));
    EXPECT_FALSE(engine_->in_teardown.has(vm_.id));
    EXPECT_EQ(*sdk::os::read_file(in_directory("refuse-release")), *refusals);
}

TEST_F(TeardownTest, WhatEndedByItselfIsSettled)
{
    ASSERT_TRUE(provider<sdk::Vmm>("fake")->release({"vmm/0", "fake", "vmm", owner_of(vm_.id), {}}));
    EXPECT_TRUE(carry_out([&](Operation& operation) { return lifecycle::settle_exited_vm(*engine_, vm_.id, operation); }));
    await();
    EXPECT_EQ(store_->find_id(vm_.id)->desired, model::Desired::stopped);
    EXPECT_TRUE(held().empty());
}

TEST_F(TeardownTest, WhatAStopLeavesThatCouldNotBeNotedIsReleasedAndNotedThen)
{
    base::fault::arm({base::fault::Action::error, 1, "update a row"});
    EXPECT_FALSE(kill());
    await();
    base::fault::disarm();
    EXPECT_TRUE(held().empty());
    EXPECT_EQ(store_->find_id(vm_.id)->desired, model::Desired::stopped);
}

TEST_F(TeardownTest, OfAMachineThatCannotBeEndedThatIsToldAndNotWhatElseIsKept)
{
    refuse(100);
    auto journal = engine_->journal_of(vm_.id);
    ASSERT_TRUE(journal->note_bound({"vmm/0", "gone", "vmm", owner_of(vm_.id), {}}));
    ASSERT_TRUE(journal->note_bound({"storage/0", "stubborn", "work", owner_of(vm_.id), {}}));
    const auto ended = carry_out([&](Operation& operation) { return lifecycle::end_machine(*engine_, vm_, operation); });
    ASSERT_FALSE(ended);
    EXPECT_THAT(ended.error().message, ::testing::HasSubstr("gone"));
}

TEST_F(TeardownTest, ASessionsVmIsDeletedAlsoWhereSomebodyElseHasItForLong)
{
    vm_.removal = model::Removal::with_session;
    ASSERT_TRUE(store_->update(vm_));
    std::promise<void> deleted;
    engine_->tear_down_later = [&](std::shared_ptr<lifecycle::LockedVm> vm) {
        teardown_->begin(std::move(vm));
        deleted.set_value();
    };
    auto is_deleted = deleted.get_future();
    Operation holding("test", nullptr);
    auto lock = lifecycle::lock_vm(*engine_, vm_, "worked on", holding);
    ASSERT_TRUE(lock);
    delete_for_session(*service_, vm_.id, std::chrono::milliseconds(1));
    EXPECT_TRUE(waits(is_deleted));
    lock->unlock();
    EXPECT_EQ(is_deleted.wait_for(std::chrono::seconds(20)), std::future_status::ready);
    await();
    EXPECT_EQ(store_->find_id(vm_.id).error().code, sdk::Code::not_found);
}

TEST_F(TeardownTest, AVmWhoseDirectoryIsLostIsGoneBeforeTheAnswer)
{
    engine_->tear_down_later = [](const auto&) { ADD_FAILURE() << "nothing of it is noted"; };
    ASSERT_TRUE(sdk::os::remove_tree(owner_of(vm_.id).directory));
    ASSERT_TRUE(remove());
    EXPECT_EQ(store_->find_id(vm_.id).error().code, sdk::Code::not_found);
    EXPECT_FALSE(provider<sdk::Vmm>("fake")->inspect({"vmm/0", "fake", "vmm", owner_of(vm_.id), {}})->present);
}

TEST_F(TeardownTest, DoctorSaysWhatIsStillBeingReleased)
{
    hold();
    ASSERT_TRUE(remove());
    const auto checks =
        carry_out([&](Operation& operation) { return doctor::check_teardowns(*engine_, operation); });
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks.front().status, doctor::Status::warning);
    EXPECT_THAT(checks.front().message, ::testing::HasSubstr("'" + vm_.name + "' held is still being released"));
    let_go();
}

TEST_F(TeardownTest, WhatCannotBeDeletedFromTheBeginningIsAnErrorAndTheMachineRunsOn)
{
    vm_.storage = "gone";
    ASSERT_TRUE(store_->update(vm_));
    EXPECT_FALSE(remove());
    EXPECT_EQ(store_->find(vm_.name)->desired, model::Desired::running);
    EXPECT_EQ(json::string_or(view(), "state"), "running");
    EXPECT_TRUE(provider<sdk::Vmm>("fake")->release({"vmm/0", "fake", "vmm", owner_of(vm_.id), {}}));
}

TEST_F(TeardownTest, TheEndOfTheDaemonWaitsForWhatIsUnderWay)
{
    hold();
    ASSERT_TRUE(kill());
    auto ended = std::async(std::launch::async, [this] { shut_down(); });
    EXPECT_TRUE(waits(ended));
    let_go();
    ended.get();
    EXPECT_TRUE(held().empty());
}

TEST_F(TeardownTest, WhatIsToBeTriedAgainIsLeftToTheNextDaemon)
{
    tear_down_with(std::chrono::hours(1));
    refuse(1);
    ASSERT_TRUE(remove());
    shut_down();
    EXPECT_TRUE(store_->find_id(vm_.id)) << "it was tried once";
    const auto next = fresh();
    Operation operation("reconcile", nullptr);
    EXPECT_THAT(lifecycle::reconcile(*next, operation).troubles, ::testing::IsEmpty());
    EXPECT_EQ(store_->find_id(vm_.id).error().code, sdk::Code::not_found);
    EXPECT_FALSE(sdk::os::exists(owner_of(vm_.id).directory));
}

TEST_F(TeardownTest, WhatTheNextDaemonCannotReleaseAtOnceIsLeftToItsTeardown)
{
    tear_down_with(std::chrono::hours(1));
    refuse(2);
    ASSERT_TRUE(remove());
    shut_down();
    const auto next = fresh();
    Operation operation("reconcile", nullptr);
    auto found = lifecycle::reconcile(*next, operation);
    ASSERT_EQ(found.unfinished.size(), 1U);
    EXPECT_EQ(found.unfinished.front().record.id, vm_.id);
    EXPECT_TRUE(lifecycle::leave_to_teardown(*next, std::move(found.unfinished.front()), operation));
    EXPECT_EQ(store_->find_id(vm_.id).error().code, sdk::Code::not_found);
}

}  // namespace
}  // namespace banger::daemon
