// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "core/doctor/check.hpp"
#include "core/lifecycle/operation.hpp"
#include "tests/unit/lifecycle/engine_world.hpp"

namespace banger::doctor {
namespace {

using ::testing::HasSubstr;

class NamesTest : public lifecycle::EngineWorld {
protected:
    NamesTest() : EngineWorld({"fakes", "fake-dns"}) {}
};

TEST_F(NamesTest, ANameThatSomebodyElseHasIsSaid)
{
    const auto engine = fresh();
    lifecycle::Operation operation("test", nullptr);
    // Every system has this one in a file of its own, at another address.
    ASSERT_TRUE(provider<sdk::Dns>("fake")->publish({"localhost", {"127.86.1.1"}}));
    const auto findings = check_names(*engine, operation);
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_THAT(findings[0].message, HasSubstr("does not ask there"));
    EXPECT_EQ(findings[1].status, Status::warning);
    EXPECT_THAT(findings[1].message, HasSubstr("find localhost at 127.0.0.1, which is not the machine's address"));
    ASSERT_TRUE(provider<sdk::Dns>("fake")->withdraw("localhost"));
    EXPECT_EQ(check_names(*engine, operation).size(), 1U);
}

}  // namespace
}  // namespace banger::doctor
