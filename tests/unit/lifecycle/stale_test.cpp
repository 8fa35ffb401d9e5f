// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/stale.hpp"

#include <gmock/gmock.h>

#include "core/lifecycle/liveness.hpp"
#include "tests/unit/lifecycle/engine_world.hpp"
#include "tests/unit/lifecycle/usage_world.hpp"

namespace banger::lifecycle {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using StaleTest = UsageWorld;

TEST_F(StaleTest, FindsThoseThatAreAndWhenToLookForTheNext)
{
    Usage usage(directory_, [this] { return now_; });
    std::set<std::string> watched{"a", "b"};
    usage.used("a");
    pass(40min);
    usage.used("b");
    auto found = find_stale(usage, watched, 1h);
    EXPECT_THAT(found.vms, IsEmpty());
    EXPECT_EQ(found.look_again, 20min);

    pass(20min);
    found = find_stale(usage, watched, 1h);
    EXPECT_THAT(found.vms, ElementsAre("a"));
    EXPECT_EQ(found.look_again, 40min);
    EXPECT_THAT(watched, ElementsAre("b"));

    pass(40min);
    found = find_stale(usage, watched, 1h);
    EXPECT_THAT(found.vms, ElementsAre("b"));
    EXPECT_EQ(found.look_again, std::nullopt) << "nobody to wait for";
    EXPECT_THAT(watched, IsEmpty());
}

TEST_F(StaleTest, AUseInBetweenPutsItOff)
{
    Usage usage(directory_, [this] { return now_; });
    std::set<std::string> watched{"a"};
    usage.used("a");
    pass(59min);
    usage.used("a");
    pass(1min);
    EXPECT_EQ(find_stale(usage, watched, 1h).look_again, 59min);
}

TEST_F(StaleTest, OneInUseIsLeftAloneUntilItIsQuiet)
{
    Usage usage(directory_, [this] { return now_; });
    std::set<std::string> watched{"a"};
    usage.on_quiet = [&](const std::string& vm) { watched.insert(vm); };
    usage.opened("a");
    pass(9h);
    auto found = find_stale(usage, watched, 1h);
    EXPECT_THAT(found.vms, IsEmpty());
    EXPECT_EQ(found.look_again, std::nullopt) << "its end is an event of its own";
    EXPECT_THAT(watched, IsEmpty());
    usage.closed("a");
    EXPECT_THAT(watched, ElementsAre("a"));
    EXPECT_EQ(find_stale(usage, watched, 1h).look_again, 1h);
    pass(1h);
    EXPECT_THAT(find_stale(usage, watched, 1h).vms, ElementsAre("a"));
}

class StaleVm : public EngineWorld {
protected:
    StaleVm() : EngineWorld({"fakes"}) {}
};

TEST_F(StaleVm, OneWhoseAgentDoesNotAnswerMayHaveASessionAndRunsOn)
{
    const auto engine = fresh();
    const auto vm = add("aabbccddee01", "fake", "fake");
    sdk::BootSpec boot;
    boot.owner = owner_of(vm.id);
    boot.memory_mib = 1;
    auto machine = provider<sdk::Vmm>("fake")->attach(boot, call_);
    ASSERT_TRUE(machine) << machine.error().message;
    ASSERT_TRUE(engine->journal_of(vm.id)->note_bound(machine->handle));
    Operation operation("auto-stop", nullptr);
    const auto stopped = stop_if_stale(*engine, vm.id, 0ms, operation, 50ms);
    ASSERT_TRUE(stopped) << stopped.error().message;
    EXPECT_EQ(*stopped, StaleStop::in_use);
    EXPECT_TRUE(liveness_of(*engine, vm)->alive);
}

}  // namespace
}  // namespace banger::lifecycle
