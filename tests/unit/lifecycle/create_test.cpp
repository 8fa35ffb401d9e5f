// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What a creation asks of providers, in which nothing else can be made: no image is to be had here.
#include <gtest/gtest.h>

#include "core/lifecycle/verbs.hpp"
#include "tests/unit/lifecycle/engine_world.hpp"

namespace banger::lifecycle {
namespace {

class CreateTest : public EngineWorld {
protected:
    CreateTest() : EngineWorld({"fakes", "fake-bridge"}) {}

    void create(sdk::Egress egress)
    {
        model::VmSpec spec;
        spec.vmm = "fake";
        spec.storage = "fake";
        spec.network = "bridge";
        spec.egress = egress;
        Operation operation("test", nullptr, nullptr);
        const auto created = create_vm(*engine_, spec, {}, operation);
        ASSERT_FALSE(created);
        EXPECT_TRUE(store_->list_all()->empty()) << created.error().message;
    }
    int times_prepared()
    {
        const auto probe = provider<sdk::Network>("bridge")->probe(call_);
        return probe ? std::stoi(probe->facts.at("prepared")) : -1;
    }

private:
    std::unique_ptr<Engine> engine_ = fresh();
};

TEST_F(CreateTest, TheNetworkOfAMachineIsPreparedUnlessItReachesNothing)
{
    const int before = times_prepared();
    create(sdk::Egress::internet);
    EXPECT_EQ(times_prepared(), before + 1);
    create(sdk::Egress::none);
    EXPECT_EQ(times_prepared(), before + 1);
}

}  // namespace
}  // namespace banger::lifecycle
