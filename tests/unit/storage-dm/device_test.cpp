// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "device.hpp"

#include <gtest/gtest.h>

namespace banger::dm::device {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;

TEST(DmWaiting, GoesOnUntilItIsNotBusyOrForAsLongAsItMay)
{
    int tries = 0;
    int told = 0;
    const auto tell = [&] { ++told; };
    const auto busy = [&]() -> Result<void> { return make_error(Code::busy, "it is open, try " + std::to_string(++tries)); };

    const auto closed = until_not_busy([&] { return tries < 2 ? busy() : Result<void>(); }, {}, std::chrono::minutes(1), tell);
    EXPECT_TRUE(closed);
    EXPECT_EQ(tries, 2);
    EXPECT_EQ(told, 1) << "not with each";

    const auto failed = until_not_busy([&]() -> Result<void> { return make_error(Code::permission, "no"); }, {},
                                       std::chrono::minutes(1), tell);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Code::permission);
    EXPECT_EQ(told, 1) << "nobody was waited for";

    tries = 0;
    const auto kept = until_not_busy(busy, {}, std::chrono::milliseconds(30), tell);
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().code, Code::busy);
    EXPECT_EQ(kept.error().message, "it is open, try " + std::to_string(tries)) << "as it was last";
    EXPECT_GE(tries, 2);
}

}  // namespace
}  // namespace banger::dm::device
