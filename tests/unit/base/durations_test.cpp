// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/durations.hpp"

#include <gtest/gtest.h>

namespace banger::base {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

TEST(Durations, AreShownInTwoPartsAtMost)
{
    EXPECT_EQ(format_duration(0ms), "0 s");
    EXPECT_EQ(format_duration(-5s), "0 s");
    EXPECT_EQ(format_duration(430ms), "0.4 s");
    EXPECT_EQ(format_duration(3s), "3 s");
    EXPECT_EQ(format_duration(9990ms), "9.9 s");
    EXPECT_EQ(format_duration(12'900ms), "12 s");
    EXPECT_EQ(format_duration(185s), "3 min 5 s");
    EXPECT_EQ(format_duration(180s), "3 min");
    EXPECT_EQ(format_duration(2h + 10min + 50s), "2 h 10 min");
    EXPECT_EQ(format_duration(99h), "4 d 3 h");
}

TEST(Durations, AreReadWithTheirUnits)
{
    EXPECT_EQ(*parse_duration("--timeout", "30"), 30s);
    EXPECT_EQ(*parse_duration("--timeout", "500ms"), 500ms);
    EXPECT_EQ(*parse_duration("--timeout", "5 m"), 5min);
    EXPECT_EQ(*parse_duration("--timeout", "5min"), 5min);
    EXPECT_EQ(*parse_duration("--timeout", "1h"), 1h);
    EXPECT_EQ(*parse_duration("--timeout", "2d"), 48h);
    EXPECT_EQ(*parse_duration("--timeout", "0"), 0s);
}

TEST(Durations, RefuseWhatIsNoTime)
{
    for (const char* text : {"", "-1", "x", "1x", "s", "1.5s", "99999999999999999999", "999999d", "1s2"}) {
        const auto result = parse_duration("--timeout", text);
        ASSERT_FALSE(result) << text;
        EXPECT_EQ(result.error().code, sdk::Code::invalid) << text;
        EXPECT_EQ(result.error().message.find("--timeout cannot be '"), 0U) << result.error().message;
        EXPECT_FALSE(result.error().hint.empty());
    }
}

}  // namespace
}  // namespace banger::base
