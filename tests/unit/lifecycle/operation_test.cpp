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

}  // namespace
}  // namespace banger::lifecycle
