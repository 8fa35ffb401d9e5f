// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/stale.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <array>
#include <ctime>
#include <functional>
#include <future>

#include "core/lifecycle/liveness.hpp"
#include "tests/unit/lifecycle/engine_world.hpp"
#include "tests/unit/lifecycle/usage_world.hpp"

namespace banger::lifecycle {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using StaleTest = UsageWorld;

TEST_F(StaleTest, FindsThoseThatAreAndWhenToLookForTheNext)
{
    Usage usage(directory_, [this] { return now_; });
    Watched watched{{"a", 1h}, {"b", 1h}};
    usage.used("a");
    pass(40min);
    usage.used("b");
    auto found = find_stale(usage, watched);
    EXPECT_THAT(found.vms, IsEmpty());
    EXPECT_EQ(found.look_again, 20min);

    pass(20min);
    found = find_stale(usage, watched);
    EXPECT_THAT(found.vms, ElementsAre("a"));
    EXPECT_EQ(found.look_again, 40min);
    EXPECT_THAT(watched, ElementsAre(Pair("b", 1h)));

    pass(40min);
    found = find_stale(usage, watched);
    EXPECT_THAT(found.vms, ElementsAre("b"));
    EXPECT_EQ(found.look_again, std::nullopt) << "nobody to wait for";
    EXPECT_THAT(watched, IsEmpty());
}

TEST_F(StaleTest, AUseInBetweenPutsItOff)
{
    Usage usage(directory_, [this] { return now_; });
    Watched watched{{"a", 1h}};
    usage.used("a");
    pass(59min);
    usage.used("a");
    pass(1min);
    EXPECT_EQ(find_stale(usage, watched).look_again, 59min);
}

TEST_F(StaleTest, OneInUseIsLeftAloneUntilItIsQuiet)
{
    Usage usage(directory_, [this] { return now_; });
    Watched watched{{"a", 1h}};
    usage.on_quiet = [&](const std::string& vm) { watched[vm] = 1h; };
    usage.opened("a");
    pass(9h);
    auto found = find_stale(usage, watched);
    EXPECT_THAT(found.vms, IsEmpty());
    EXPECT_EQ(found.look_again, std::nullopt) << "its end is an event of its own";
    EXPECT_THAT(watched, IsEmpty());
    usage.closed("a");
    EXPECT_THAT(watched, ElementsAre(Pair("a", 1h)));
    EXPECT_EQ(find_stale(usage, watched).look_again, 1h);
    pass(1h);
    EXPECT_THAT(find_stale(usage, watched).vms, ElementsAre("a"));
}

TEST_F(StaleTest, EachHasATimeOfItsOwn)
{
    Usage usage(directory_, [this] { return now_; });
    Watched watched{{"a", 2h}, {"b", 1h}};
    usage.used("a");
    usage.used("b");
    pass(1h);
    auto found = find_stale(usage, watched);
    EXPECT_THAT(found.vms, ElementsAre("b"));
    EXPECT_EQ(found.look_again, 1h);
    pass(1h);
    EXPECT_THAT(find_stale(usage, watched).vms, ElementsAre("a"));
}

/// A machine whose agent answers nobody.
class StaleVm : public EngineWorld {
protected:
    StaleVm() : EngineWorld({"fakes"}) { run_machine(*engine_, vm_); }
    /// As the last daemon noted it.
    void was_used(std::chrono::hours ago) const
    {
        const std::string note = owner_of(vm_.id).directory + "/last-use";
        ASSERT_TRUE(sdk::os::write_file_atomic(note, ""));
        const timespec then{::time(nullptr) - std::chrono::seconds(ago).count(), 0};
        const std::array<timespec, 2> times{then, then};
        ASSERT_EQ(::utimensat(AT_FDCWD, note.c_str(), times.data(), 0), 0);
    }
    StaleStop stop()
    {
        Operation operation("auto-stop", [this](const sdk::Progress& /*waits*/) {
            if (on_wait)
                on_wait();
        });
        const auto how = stop_if_stale(*engine_, vm_.id, 2h, operation, {patience_for_work, 50ms, 50ms});
        EXPECT_TRUE(how) << how.error().message;
        return how.value_or(StaleStop::no_need);
    }
    base::KeyedMutex::Lock lock()
    {
        Operation operation("test", nullptr);
        auto lock = lock_vm(*engine_, vm_, "worked on", operation);
        EXPECT_TRUE(lock);
        return std::move(*lock);
    }
    bool lives() { return liveness_of(*engine_, vm_)->alive; }

    std::function<void()> on_wait;
    std::chrono::milliseconds patience_for_work = 50ms;
    std::unique_ptr<Engine> engine_ = fresh();
    static inline int count_ = 0;  // the provider of all tests is one
    model::VmRecord vm_ = add("aabbccddee0" + std::to_string(++count_), "fake", "fake");
};

TEST_F(StaleVm, OneWhoseAgentDoesNotAnswerMayHaveASessionAndRunsOnForAsLongAgain)
{
    was_used(3h);
    EXPECT_EQ(stop(), StaleStop::silent);
    EXPECT_TRUE(lives());
}

TEST_F(StaleVm, OneWhoseAgentNeverAnswersIsStoppedInTheEnd)
{
    was_used(5h);
    EXPECT_EQ(stop(), StaleStop::stopped);
    EXPECT_FALSE(lives());
}

TEST_F(StaleVm, WorkOnItThatEndsAtOnceIsNoUse)
{
    was_used(5h);
    patience_for_work = 1min;
    std::promise<void> waits;
    auto work = std::async(std::launch::async, [&, held = lock()]() mutable {
        waits.get_future().wait();
        held.unlock();
    });
    on_wait = [&, told = false]() mutable {
        if (!std::exchange(told, true))
            waits.set_value();
    };
    EXPECT_EQ(stop(), StaleStop::stopped);
    EXPECT_FALSE(lives());
}

TEST_F(StaleVm, WorkOnItThatTakesItsTimeIsAUse)
{
    was_used(5h);
    const auto held = lock();
    EXPECT_EQ(stop(), StaleStop::in_use);
    EXPECT_TRUE(lives());
    EXPECT_LT(*engine_->usage.idle(vm_.id), 1min);
}

TEST_F(StaleVm, OneThatIsPausedForWantOfRoomIsNotSilent)
{
    was_used(5h);
    engine_->standing.add(vm_.id);
    EXPECT_EQ(stop(), StaleStop::in_use);
    EXPECT_TRUE(lives());
}

}  // namespace
}  // namespace banger::lifecycle
