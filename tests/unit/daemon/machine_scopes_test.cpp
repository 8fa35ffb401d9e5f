// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/machine_scopes.hpp"

#include <gtest/gtest.h>

#include "banger/sdk/testing/fake_host.hpp"

namespace banger::daemon {
namespace {

using sdk::Code;
using sdk::Result;

class FakeMaker final : public units::Scopes {
public:
    explicit FakeMaker(Result<std::string> answer) : answer_(std::move(answer)) {}
    Result<std::string> probe(sdk::Call& /*call*/) override { return answer_; }
    Result<std::string> start(const units::ScopeSpec& /*spec*/, sdk::Call& /*call*/) override { return answer_; }

private:
    Result<std::string> answer_;
};

class MachineScopesTest : public ::testing::Test {
protected:
    static MachineScopes of(std::vector<Result<std::string>> answers)
    {
        std::vector<std::unique_ptr<units::Scopes>> makers;
        for (auto& answer : answers)
            makers.push_back(std::make_unique<FakeMaker>(std::move(answer)));
        return MachineScopes(std::move(makers));
    }
    static sdk::Error no(const char* message) { return sdk::make_error(Code::unavailable, message); }

    sdk::testing::FakeCall call_;
    units::ScopeSpec spec_{{"0123abcd", "0123456789ab", {}}, {{1, 2}}};
};

TEST_F(MachineScopesTest, TheFirstThatMakesThemDoes)
{
    auto both = of({std::string("helper"), std::string("manager")});
    EXPECT_EQ(both.start(spec_, call_).value_or(""), "helper");
    EXPECT_EQ(both.probe(call_).value_or(""), "helper");
    auto second = of({no("no helper"), std::string("manager")});
    EXPECT_EQ(second.start(spec_, call_).value_or(""), "manager");
    EXPECT_EQ(second.probe(call_).value_or(""), "manager");
}

TEST_F(MachineScopesTest, TheFirstsReasonIsTheOneToRead)
{
    auto none = of({no("no helper"), no("no manager")});
    for (const auto& answer : {none.start(spec_, call_), none.start(spec_, call_), none.probe(call_)}) {
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().message, "no helper");
    }
    const auto nobody = of({}).start(spec_, call_);
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().code, Code::unavailable);
}

}  // namespace
}  // namespace banger::daemon
