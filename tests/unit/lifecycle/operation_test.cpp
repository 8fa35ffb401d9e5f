// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/operation.hpp"

#include <gtest/gtest.h>

namespace banger::lifecycle {
namespace {

TEST(Operation, IsCancelledAtOnceUnlessItIsCommitted)
{
    Operation operation("x", nullptr);
    operation.cancel();
    EXPECT_TRUE(operation.cancelled());
    EXPECT_EQ(operation.check().error().code, sdk::Code::cancelled);
    Operation committed("x", nullptr);
    committed.commit();
    committed.cancel();
    EXPECT_FALSE(committed.cancelled());
}

TEST(Operation, WhoeverCallsItOffFirstSaysWhy)
{
    const auto full = sdk::make_error(sdk::Code::no_space, "the disk is full");
    Operation operation("x", nullptr);
    EXPECT_FALSE(operation.called_off());
    EXPECT_TRUE(operation.call_off(full));
    EXPECT_TRUE(operation.cancelled());
    EXPECT_TRUE(operation.cancel());
    ASSERT_TRUE(operation.called_off());
    EXPECT_EQ(operation.called_off()->code, sdk::Code::no_space);

    Operation left("x", nullptr);
    left.cancel();
    left.call_off(full);
    EXPECT_FALSE(left.called_off()) << "who asked for it went away before";
    Operation committed("x", nullptr);
    committed.commit();
    EXPECT_FALSE(committed.call_off(full));
    EXPECT_FALSE(committed.called_off());
}

TEST(Operation, ACancellationBehindAShieldCountsAfterwards)
{
    Operation operation("x", nullptr);
    {
        const Operation::Shield shield(operation);
        operation.cancel();
        EXPECT_FALSE(operation.cancelled());
        EXPECT_FALSE(operation.token().stop_requested());
    }
    EXPECT_TRUE(operation.cancelled());
}

TEST(Operation, AShieldThatNobodyMetChangesNothing)
{
    Operation operation("x", nullptr);
    {
        const Operation::Shield shield(operation);
    }
    EXPECT_FALSE(operation.cancelled());
    operation.cancel();
    EXPECT_TRUE(operation.cancelled());
}

TEST(Operation, RecordsItsSpansAndWhatPluginsNameAsStages)
{
    Operation operation("image.pull", nullptr);
    {
        const auto span = operation.span("pull");
        operation.progress({"download packages", 1, 2, "packages"});
        operation.progress({"download packages", 2, 2, "packages"});
        operation.progress({"write the image", 0, 0, {}});
    }
    std::vector<std::string> names;
    for (const auto& span : operation.log("ok").spans) {
        names.push_back(span.name);
        EXPECT_GE(span.duration_us, 0);
    }
    EXPECT_EQ(names, (std::vector<std::string>{"download packages", "pull", "write the image"}));
}

TEST(Operation, WithoutStepsIsOneStep)
{
    const auto log = Operation("vm.set", nullptr).log("ok");
    ASSERT_EQ(log.spans.size(), 1U);
    EXPECT_EQ(log.spans.front().name, "vm.set");
}

}  // namespace
}  // namespace banger::lifecycle
