// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/look.hpp"

#include "engine_world.hpp"

namespace banger::lifecycle {
namespace {

class LookTest : public EngineWorld {
protected:
    LookTest() : EngineWorld({"fakes"}), engine_(fresh()) {}
    std::uint64_t processes_of(const model::VmRecord& vm, const sdk::Fields& bound)
    {
        const Liveness live{true, {"vmm/0", "fake", "process", owner_of(vm.id), bound}, {}};
        return json::uint_or(look_at_host(*engine_, vm, live).value(), "processes");
    }

    std::unique_ptr<Engine> engine_;
};

TEST_F(LookTest, WhoHasThePidOfWhatWasStartedForAVmmIsNotCounted)
{
    const auto vm = add("aabbccddee01", "fake", "fake");
    sdk::os::Command command;
    command.argv = {"sleep", "1000"};
    command.die_with_parent = true;
    auto child = sdk::os::spawn(command);
    ASSERT_TRUE(child) << child.error().message;
    // A VMM that is older than all others.
    sdk::Fields bound{{"pid", "1"}, {"start_time", std::to_string(child->id().start_time)}};
    bound["pids"] = std::to_string(child->id().pid);
    EXPECT_EQ(processes_of(vm, bound), 2U);
    bound["start_time"] = std::to_string(child->id().start_time - 1);
    EXPECT_EQ(processes_of(vm, bound), 1U) << "it began after the VMM";
    child->end_group();
}

}  // namespace
}  // namespace banger::lifecycle
