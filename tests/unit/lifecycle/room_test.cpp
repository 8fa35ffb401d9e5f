// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/room.hpp"

#include <gmock/gmock.h>

#include "core/lifecycle/verbs.hpp"
#include "engine_world.hpp"

namespace banger::lifecycle {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t gib = 1ULL << 30U;

TEST(Room, IsLookedAtTheMoreOftenTheLessThereIs)
{
    EXPECT_EQ(until_next_look(500 * gib, gib, 0), 60s);
    EXPECT_EQ(until_next_look(31 * gib, gib, 0), 30s);
    EXPECT_EQ(until_next_look(2 * gib, gib, 0), 1s);
    EXPECT_EQ(until_next_look(gib + gib / 4, gib, 0), 250ms);
    EXPECT_EQ(until_next_look(gib, gib, 0), 100ms) << "at the mark nobody is paused yet";
    EXPECT_EQ(until_next_look(gib - 1, gib, 0), 5s);
}

TEST(Room, IsLookedAtTheMoreOftenTheFasterItGoes)
{
    EXPECT_EQ(until_next_look(31 * gib, gib, gib / 2), 30s) << "a disk may always be as fast as that";
    EXPECT_EQ(until_next_look(31 * gib, gib, 3 * gib), 5s);
    EXPECT_EQ(until_next_look(2 * gib, gib, 2 * gib), 250ms);
    EXPECT_EQ(until_next_look(~0ULL, 0, ~0ULL / 2), 1s) << "and no number is too large";
}

class RoomTest : public EngineWorld {
protected:
    RoomTest() : EngineWorld({"fakes"}) {}

    model::VmRecord add_running(Engine& engine, const std::string& id, const std::string& vmm = "fake")
    {
        auto vm = add(id, vmm, "fake");
        run_machine(engine, vm);
        return vm;
    }
    /// How often machines were let go on, all in all, is not told; that one was, is.
    bool was_resumed()
    {
        return provider<sdk::VmmSnapshot>("fake")->probe(call_)->facts.at("most_at_once") != "0";
    }
    Operation operation_{"test", nullptr};
};

TEST_F(RoomTest, AVmIsPausedAndSaysSoUntilItGoesOn)
{
    const auto engine = fresh();
    const auto vm = add_running(*engine, "0000000000fa");
    const auto paused_for = [&] { return json::string_or(view_of(*engine, vm).value(), "paused_for"); };
    EXPECT_EQ(paused_for(), "");
    ASSERT_EQ(*pause_for_room(*engine, vm.id, 1, operation_), Paused::yes);
    EXPECT_THAT(engine->standing.all(), ElementsAre(vm.id));
    EXPECT_THAT(paused_for(), HasSubstr("room"));
    const auto agent = agent_of(*engine, vm, operation_);
    ASSERT_FALSE(agent);
    EXPECT_THAT(agent.error().message, HasSubstr("paused until there is room"));
    EXPECT_FALSE(agent.error().hint.empty());

    ASSERT_TRUE(resume_with_room(*engine, vm.id, operation_));
    EXPECT_TRUE(was_resumed());
    EXPECT_THAT(engine->standing.all(), IsEmpty());
    EXPECT_EQ(paused_for(), "");
}

TEST_F(RoomTest, WhoeverWorksOnAVmIsLeftToIt)
{
    const auto engine = fresh();
    const auto vm = add_running(*engine, "0000000000fb");
    auto lock = lock_vm(*engine, vm, "worked on", operation_);
    ASSERT_TRUE(lock);
    EXPECT_EQ(*pause_for_room(*engine, vm.id, 1, operation_), Paused::later);
    EXPECT_THAT(engine->standing.all(), IsEmpty());
    engine->standing.add(vm.id);
    EXPECT_TRUE(resume_with_room(*engine, vm.id, operation_));
    EXPECT_TRUE(engine->standing.has(vm.id)) << "there will be another look";
}

TEST_F(RoomTest, AStartIsCalledOffAndItsCallerToldWhy)
{
    const auto engine = fresh();
    const auto vm = add_running(*engine, "0000000000f9");
    auto lock = lock_vm(*engine, vm, "started", operation_);
    Operation start("vm.start", nullptr);
    {
        const auto entry = engine->underway.enter(vm.id, start);
        EXPECT_EQ(*pause_for_room(*engine, vm.id, 4096, operation_), Paused::called_off);
        EXPECT_TRUE(start.cancelled());
        ASSERT_TRUE(start.called_off());
        EXPECT_EQ(start.called_off()->code, sdk::Code::no_space);
        EXPECT_THAT(start.called_off()->message, HasSubstr("no VM runs"));
    }
    // What is past its point of no return goes on, and is paused later.
    Operation almost("vm.start", nullptr);
    almost.commit();
    const auto entry = engine->underway.enter(vm.id, almost);
    EXPECT_EQ(*pause_for_room(*engine, vm.id, 4096, operation_), Paused::later);
    EXPECT_FALSE(almost.cancelled());
}

TEST_F(RoomTest, OneThatStandsByItselfGoesOn)
{
    const auto engine = fresh();
    const auto vm = add_running(*engine, "0000000000f8", "telling");
    const auto state = [&] { return json::string_or(view_of(*engine, vm).value(), "state"); };
    EXPECT_FALSE(*resume_if_it_stands(*engine, vm.id, operation_)) << "it runs";
    const auto snapshot = provider<sdk::VmmSnapshot>("telling");
    const auto machine = liveness_of(*engine, vm)->vmm;
    ASSERT_TRUE(snapshot->pause(machine));
    ASSERT_EQ(state(), "paused");
    {
        auto lock = lock_vm(*engine, vm, "saved", operation_);
        EXPECT_FALSE(*resume_if_it_stands(*engine, vm.id, operation_)) << "somebody works on it";
    }
    EXPECT_EQ(state(), "paused");
    EXPECT_TRUE(*resume_if_it_stands(*engine, vm.id, operation_));
    EXPECT_EQ(state(), "running");
    EXPECT_THAT(engine->standing.all(), IsEmpty());
    EXPECT_FALSE(*resume_if_it_stands(*engine, "0000000000f7", operation_)) << "nobody has heard of it";
}

TEST_F(RoomTest, OneThatIsGoneIsForgotten)
{
    const auto engine = fresh();
    const auto vm = add("0000000000fc", "fake", "fake");
    EXPECT_EQ(*pause_for_room(*engine, vm.id, 1, operation_), Paused::not_running);
    EXPECT_EQ(*pause_for_room(*engine, "0000000000fd", 1, operation_), Paused::not_running);
    for (const char* gone : {"0000000000fc", "0000000000fd"})
        engine->standing.add(gone);
    EXPECT_TRUE(resume_with_room(*engine, "0000000000fc", operation_));
    EXPECT_TRUE(resume_with_room(*engine, "0000000000fd", operation_));
    EXPECT_THAT(engine->standing.all(), IsEmpty());
}

}  // namespace
}  // namespace banger::lifecycle
