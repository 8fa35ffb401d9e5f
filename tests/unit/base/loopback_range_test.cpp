// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/loopback_range.hpp"

#include <gtest/gtest.h>

namespace banger::base {
namespace {

TEST(LoopbackRange, HasAllButTheFirstAndTheLast)
{
    const auto range = LoopbackRange::parse("127.86.0.0/16");
    ASSERT_TRUE(range) << range.error().message;
    EXPECT_EQ(range->count(), 65534U);
    EXPECT_EQ(range->address(0), "127.86.0.1");
    EXPECT_EQ(range->address(range->count() - 1), "127.86.255.254");
    EXPECT_EQ(range->text(), "127.86.0.0/16");
    EXPECT_EQ(LoopbackRange::parse("127.0.0.0/30")->count(), 2U);
}

TEST(LoopbackRange, RefusesWhatIsNone)
{
    for (const char* text : {"", "127.86.0.0", "127.86.0.0/", "127.86.0.0/x", "127.86.0.0/16x", "127.86.0.0/31",
                             "127.86.0.0/33", "127.86.0.1/16", "128.0.0.0/16", "126.0.0.0/7", "10.0.0.0/8", "::1/128",
                             "127.86.0/16", "127.86.0.0/-1"}) {
        const auto range = LoopbackRange::parse(text);
        ASSERT_FALSE(range) << text;
        EXPECT_EQ(range.error().code, sdk::Code::invalid) << text;
    }
}

}  // namespace
}  // namespace banger::base
