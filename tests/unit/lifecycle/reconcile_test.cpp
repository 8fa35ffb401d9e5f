// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cstdio>

#include "core/lifecycle/verbs.hpp"
#include "engine_world.hpp"

namespace banger::lifecycle {
namespace {

class ReconcileTest : public EngineWorld {
protected:
    ReconcileTest() : EngineWorld({"fakes"}) {}

    /// A VM whose machine lives and stands, as a save leaves it.
    model::VmRecord add_standing(Engine& engine, const std::string& id)
    {
        auto vm = add(id, "fake", "fake");
        EXPECT_TRUE(provider<sdk::VmmSnapshot>("fake")->pause(run_machine(engine, vm)));
        return vm;
    }
    unsigned asked_at_once()
    {
        const auto probe = provider<sdk::VmmSnapshot>("fake")->probe(call_);
        return static_cast<unsigned>(std::stoul(probe->facts.at("most_at_once")));
    }
};

TEST_F(ReconcileTest, VmmsThatDoNotSayHowTheyAreAreAskedSideBySideAndNotAllAtOnce)
{
    constexpr int many = 24;
    const auto engine = fresh();
    std::vector<std::string> stopping;
    for (int i = 0; i < many; ++i) {
        std::array<char, 13> id{};
        std::snprintf(id.data(), id.size(), "%012x", i);
        auto vm = add_standing(*engine, id.data());
        if (i % 8 == 0) {
            vm.desired = model::Desired::stopped;
            ASSERT_TRUE(store_->update(vm));
            stopping.push_back(vm.id);
        }
    }
    Operation operation("reconcile", nullptr);
    const auto found = reconcile(*engine, operation);
    EXPECT_THAT(found.troubles, ::testing::IsEmpty());
    EXPECT_GE(asked_at_once(), 4U);
    EXPECT_LE(asked_at_once(), 8U);
    std::vector<std::string> left;
    for (const auto& vm : found.stopping)
        left.push_back(vm.record.id);
    EXPECT_THAT(left, ::testing::UnorderedElementsAreArray(stopping));
}

TEST_F(ReconcileTest, TroublesAreToldInTheOrderOfTheRecords)
{
    const auto engine = fresh();
    for (const char* id : {"000000000001", "000000000002", "000000000003"}) {
        const auto vm = add(id, "fake", "fake");
        ASSERT_TRUE(sdk::os::remove_tree(owner_of(id).directory));
    }
    Operation operation("reconcile", nullptr);
    const auto found = reconcile(*engine, operation);
    ASSERT_EQ(found.troubles.size(), 3U);
    for (int i = 0; i < 3; ++i)
        EXPECT_THAT(found.troubles[i], ::testing::StartsWith("vm 'vm-00000000000" + std::to_string(i + 1) + "': "));
}

}  // namespace
}  // namespace banger::lifecycle
