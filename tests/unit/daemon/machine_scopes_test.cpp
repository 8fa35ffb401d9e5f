// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/machine_scopes.hpp"

#include <gtest/gtest.h>

#include "banger/sdk/testing/fake_host.hpp"
#include "heard_log.hpp"

namespace banger::daemon {
namespace {

using sdk::Code;
using sdk::Result;

class FakeMaker final : public units::Scopes {
public:
    Result<std::string> probe(sdk::Call& /*call*/) override { return answer; }
    Result<std::string> start(const units::ScopeSpec& /*spec*/, sdk::Call& /*call*/) override { return answer; }

    Result<std::string> answer = std::string("made");
};

class MachineScopesTest : public ::testing::Test {
protected:
    /// What is logged of one that fails so, from info on.
    std::string said_of(Code code, const char* message)
    {
        maker_->answer = sdk::make_error(code, message);
        const HeardLog heard;
        EXPECT_FALSE(scopes_.start(spec_, call_));
        return heard.text();
    }

    sdk::testing::FakeCall call_;
    units::ScopeSpec spec_{{"0123abcd", "0123456789ab", {}}, {{1, 2}}};
    FakeMaker* maker_ = new FakeMaker;  // NOLINT(cppcoreguidelines-owning-memory): the next one's
    MachineScopes scopes_{std::unique_ptr<units::Scopes>(maker_)};
};

TEST(ScopeMakerTest, IsWhoHasMadeTheDaemonsGroup)
{
    const std::string slice = "/user.slice/user-1000.slice/";
    EXPECT_EQ(scope_maker_of(1000, slice + "session-2.scope"), ScopeMaker::helper);
    EXPECT_EQ(scope_maker_of(1000, slice + "user@1000.service/app.slice/run-r1.scope"), ScopeMaker::manager);
    for (const char* group : {"", "/", "/system.slice/cron.service", "/user.slice/user-1001.slice/session-3.scope"})
        EXPECT_EQ(scope_maker_of(1000, group), ScopeMaker::nobody) << group;
    for (const char* group : {"", "/system.slice/cron.service", "/user.slice/user-1000.slice/session-2.scope"})
        EXPECT_EQ(scope_maker_of(0, group), ScopeMaker::manager) << group;
}

TEST_F(MachineScopesTest, WhereNobodyMakesThemThatIsSaid)
{
    MachineScopes none(nullptr);
    for (const auto& answer : {none.start(spec_, call_), none.probe(call_)}) {
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, Code::unavailable);
    }
    EXPECT_EQ(scopes_.start(spec_, call_).value_or(""), "made");
    EXPECT_EQ(scopes_.probe(call_).value_or(""), "made");
}

TEST_F(MachineScopesTest, WhyThereIsNoneIsSaidOnceWhicheverProcessItNames)
{
    EXPECT_NE(said_of(Code::not_found, "process 1 has ended").find("process 1 has ended"), std::string::npos);
    EXPECT_NE(said_of(Code::unavailable, "no helper").find("no helper"), std::string::npos);
    EXPECT_EQ(said_of(Code::not_found, "process 2 has ended"), "");
    EXPECT_EQ(said_of(Code::unavailable, "no helper"), "");
    EXPECT_EQ(said_of(Code::cancelled, "cancelled"), "");
}

}  // namespace
}  // namespace banger::daemon
