// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/pick.hpp"

#include <gmock/gmock.h>

#include "engine_world.hpp"

namespace banger::lifecycle {
namespace {

using ::testing::HasSubstr;

class PickTest : public EngineWorld {
protected:
    PickTest() : EngineWorld({"choosy", "fakes", "fake-bridge"}), engine_(fresh()) {}
    sdk::Result<Choice> pick(const model::VmSpec& spec, sdk::Egress egress)
    {
        return pick_providers(*engine_, spec, egress, call_);
    }

private:
    std::unique_ptr<Engine> engine_;
};

TEST_F(PickTest, TheFirstThatGoTogetherAreTakenAndItIsSaidWhyNotThoseBefore)
{
    const auto choice = pick({}, sdk::Egress::internet);
    ASSERT_TRUE(choice) << choice.error().message;
    EXPECT_EQ(choice->vmm, "fake");
    EXPECT_EQ(choice->disk_format, "disk:raw");
    EXPECT_EQ(choice->attachment, "link:stream-socket");
    EXPECT_THAT(choice->passed_over, HasSubstr("'choosy' and 'bridge' do not go together here"));
    EXPECT_FALSE(choice->hint.empty());
}

TEST_F(PickTest, WhatNeedsNoLinkStandsInNobodysWay)
{
    const auto choice = pick({}, sdk::Egress::none);
    ASSERT_TRUE(choice) << choice.error().message;
    EXPECT_EQ(choice->vmm, "choosy");
    EXPECT_EQ(choice->attachment, "link:none");
    EXPECT_EQ(choice->passed_over, "");
}

TEST_F(PickTest, OneThatWasAskedForIsRefusedAndNotReplaced)
{
    model::VmSpec spec;
    spec.vmm = "choosy";
    const auto choice = pick(spec, sdk::Egress::internet);
    ASSERT_FALSE(choice);
    EXPECT_EQ(choice.error().code, sdk::Code::unsupported);
    EXPECT_THAT(choice.error().message, HasSubstr("no link for --egress internet"));
    EXPECT_FALSE(choice.error().hint.empty());
}

TEST_F(PickTest, TheConfigurationNamesOneAndTheSpecAnother)
{
    config_.backends.vmm.value = "telling";
    EXPECT_EQ(pick({}, sdk::Egress::none)->vmm, "telling");
    model::VmSpec spec;
    spec.vmm = "fake";
    EXPECT_EQ(pick(spec, sdk::Egress::none)->vmm, "fake");
}

}  // namespace
}  // namespace banger::lifecycle
