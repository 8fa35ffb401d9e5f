// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <algorithm>

#include "core/doctor/check.hpp"
#include "core/lifecycle/operation.hpp"
#include "tests/unit/lifecycle/engine_world.hpp"

namespace banger::doctor {
namespace {

using ::testing::ElementsAre;
using ::testing::FieldsAre;

class ProvidersTest : public lifecycle::EngineWorld {
protected:
    ProvidersTest() : EngineWorld({"absent", "fakes"}) {}

    std::vector<Finding> of_storage()
    {
        const auto engine = fresh();
        lifecycle::Operation operation("test", nullptr);
        auto findings = check_providers(*engine, operation);
        findings.erase(std::remove_if(findings.begin(), findings.end(),
                                      [](const Finding& finding) { return finding.name != "storage"; }),
                       findings.end());
        return findings;
    }
};

TEST_F(ProvidersTest, OfThoseThatCameBeforeItIsSaidWhyTheyCannotBeUsedAndWhatToDo)
{
    EXPECT_THAT(of_storage(),
                ElementsAre(FieldsAre("storage", Status::ok, "fake: a fake for tests", ""),
                            FieldsAre("storage", Status::warning, "absent cannot be used: this host has no tape drive",
                                      "connect one"),
                            FieldsAre("storage", Status::warning, "closed cannot be used: the archive is closed",
                                      "come back tomorrow")));
}

TEST_F(ProvidersTest, OfOneThatTheConfigurationNamesNothingIsSaidOfOthers)
{
    config_.backends.storage.value = "fake";
    EXPECT_THAT(of_storage(),
                ElementsAre(FieldsAre("storage", Status::ok, "fake (by config): a fake for tests", "")));
    config_.backends.storage.value = "absent";
    EXPECT_THAT(of_storage(),
                ElementsAre(FieldsAre("storage", Status::failed,
                                      "storage 'absent' cannot be used here: this host has no tape drive", "connect one")));
}

}  // namespace
}  // namespace banger::doctor
