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
    EXPECT_EQ(until_next_look(500 * gib, gib), 60s);
    EXPECT_EQ(until_next_look(31 * gib, gib), 30s);
    EXPECT_EQ(until_next_look(2 * gib, gib), 1s);
    EXPECT_EQ(until_next_look(gib, gib), 1s) << "at the mark nobody is paused yet";
    EXPECT_EQ(until_next_look(gib - 1, gib), 5s);
}

class RoomTest : public EngineWorld {
protected:
    RoomTest() : EngineWorld({"fakes"}) {}

    model::VmRecord add_running(Engine& engine, const std::string& id)
    {
        auto vm = add(id, "fake", "fake");
        sdk::BootSpec boot;
        boot.owner = owner_of(id);
        boot.vcpus = 1;
        boot.memory_mib = 1;
        auto machine = provider<sdk::Vmm>("fake")->attach(boot, call_);
        EXPECT_TRUE(machine && engine.journal_of(id)->note_bound(machine->handle));
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
    ASSERT_EQ(*pause_for_room(*engine, vm.id, operation_), Paused::yes);
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
    EXPECT_EQ(*pause_for_room(*engine, vm.id, operation_), Paused::later);
    EXPECT_THAT(engine->standing.all(), IsEmpty());
    engine->standing.add(vm.id);
    EXPECT_TRUE(resume_with_room(*engine, vm.id, operation_));
    EXPECT_TRUE(engine->standing.has(vm.id)) << "there will be another look";
}

TEST_F(RoomTest, OneThatIsGoneIsForgotten)
{
    const auto engine = fresh();
    const auto vm = add("0000000000fc", "fake", "fake");
    EXPECT_EQ(*pause_for_room(*engine, vm.id, operation_), Paused::not_running);
    EXPECT_EQ(*pause_for_room(*engine, "0000000000fd", operation_), Paused::not_running);
    for (const char* gone : {"0000000000fc", "0000000000fd"})
        engine->standing.add(gone);
    EXPECT_TRUE(resume_with_room(*engine, "0000000000fc", operation_));
    EXPECT_TRUE(resume_with_room(*engine, "0000000000fd", operation_));
    EXPECT_THAT(engine->standing.all(), IsEmpty());
}

}  // namespace
}  // namespace banger::lifecycle
