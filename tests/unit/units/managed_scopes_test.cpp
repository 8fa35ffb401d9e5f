// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/units/managed_scopes.hpp"

#include <gtest/gtest.h>

#include "banger/sdk/testing/fake_host.hpp"

namespace banger::units {
namespace {

using sdk::Code;

class ManagedScopesTest : public ::testing::Test {
protected:
    ManagedScopesTest() : child_(start()) { EXPECT_TRUE(child_); }
    ~ManagedScopesTest() override { child_->end_group(); }

    static sdk::Result<sdk::os::Child> start()
    {
        sdk::os::Command command;
        command.argv = {"sleep", "1000"};
        return sdk::os::spawn(command);
    }
    [[nodiscard]] ScopeSpec spec() const { return {{"g123abcd", "0123456789ab", {}}, {child_->id()}}; }

    sdk::testing::FakeCall call_;
    sdk::Result<sdk::os::Child> child_;
    std::vector<TransientScope> asked_;  // of what stands for the service manager
    ManagedScopes scopes_{[this](const TransientScope& scope) -> sdk::Result<void> {
        asked_.push_back(scope);
        return {};
    }};
};

TEST_F(ManagedScopesTest, AScopeHasTheNamesOfItsMachine)
{
    const auto name = scopes_.start(spec(), call_);
    ASSERT_TRUE(name) << name.error().message;
    const auto pid = child_->id().pid;
    EXPECT_EQ(*name, "banger-vm-g123abcd-0123456789ab-" + std::to_string(pid) + ".scope");
    ASSERT_EQ(asked_.size(), 1U);
    EXPECT_EQ(asked_[0].name, *name);
    EXPECT_EQ(asked_[0].processes, std::vector{pid});
}

TEST_F(ManagedScopesTest, NobodyIsAskedForAProcessThatHasEnded)
{
    auto reused = spec();
    ++reused.processes.front().start_time;
    const auto successors = scopes_.start(reused, call_);
    ASSERT_FALSE(successors) << "another process has this pid";
    EXPECT_EQ(successors.error().code, Code::not_found);
    const auto ended = spec();
    child_->end_group();
    EXPECT_FALSE(scopes_.start(ended, call_));
    EXPECT_FALSE(scopes_.start({ended.owner, {}}, call_));
    EXPECT_TRUE(asked_.empty());
}

// Then its pid may have become another's before the manager looked it up.
TEST_F(ManagedScopesTest, OneThatEndsMeanwhileIsNoSuccess)
{
    ManagedScopes scopes([this](const TransientScope&) -> sdk::Result<void> {
        child_->end_group();
        return {};
    });
    const auto name = scopes.start(spec(), call_);
    ASSERT_FALSE(name);
    EXPECT_EQ(name.error().code, Code::unavailable);
    EXPECT_NE(name.error().message.find("ended while it was moved"), std::string::npos) << name.error().message;
}

TEST_F(ManagedScopesTest, WhatTheManagerSaysIsHandedOn)
{
    ManagedScopes scopes([](const TransientScope&) -> sdk::Result<void> { return sdk::make_error(Code::unavailable, "no"); });
    const auto name = scopes.start(spec(), call_);
    ASSERT_FALSE(name);
    EXPECT_EQ(name.error().message, "no");
}

}  // namespace
}  // namespace banger::units
