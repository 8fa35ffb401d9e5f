// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/replayed_queries.hpp"

#include <gtest/gtest.h>

namespace banger::cli {
namespace {

class ReplayedQueriesTest : public ::testing::Test {
protected:
    std::string typed(std::string text)
    {
        queries_.drop_answers(text);
        return text;
    }

    ReplayedQueries::Clock::time_point now_{std::chrono::hours(1)};
    ReplayedQueries queries_{1000, [this] { return now_; }};
};

TEST_F(ReplayedQueriesTest, AnswersAreDroppedAndKeysAreNot)
{
    EXPECT_EQ(typed("\x1b[24;80R"), "") << "the cursor's place";
    EXPECT_EQ(typed("a\x1b[?64;1;9c\x1b[>41;354;0cb"), "ab") << "what it is";
    EXPECT_EQ(typed("\x1b[0n\x1b[?2026;2$y\x1b[?1u\x1b[8;24;80t"), "");
    EXPECT_EQ(typed("\x1b]11;rgb:0000/0000/0000\x1b\\x\x1b]10;rgb:f/f/f\x07y"), "xy") << "its colours";
    EXPECT_EQ(typed("\x1bP>|XTerm(370)\x1b\\z"), "z");
    for (const char* keys : {"words\r", "\x1b", "\x1b[", "\x1b[A", "\x1bOA", "\x1b[1;5C", "\x1b[15~", "\x1b[200~", "\x1b" "b", "\x1b]"})
        EXPECT_EQ(typed(keys), keys);
}

TEST_F(ReplayedQueriesTest, OneInPiecesIsDroppedToo)
{
    EXPECT_EQ(typed("a\x1b[?64"), "a");
    EXPECT_EQ(typed(";1cb"), "b");
    EXPECT_EQ(typed("\x1b]11;rgb"), "");
    EXPECT_EQ(typed(":0/0/0\x1b"), "");
    EXPECT_EQ(typed("\\c"), "c");
}

TEST_F(ReplayedQueriesTest, AnswersToWhatIsAskedLaterPass)
{
    const std::string answer = "\x1b[24;80R";
    now_ += std::chrono::hours(1);
    EXPECT_EQ(typed(answer), "") << "nothing was shown yet";
    queries_.shown(600);
    queries_.shown(400);
    EXPECT_EQ(typed(answer), "") << "it may have been under way";
    now_ += ReplayedQueries::patience;
    EXPECT_EQ(typed(answer), answer);
    queries_.shown(5);
    EXPECT_EQ(typed(answer), answer) << "what is new asks for itself";
}

TEST(ReplayedQueries, OfASessionThatWroteNothingEveryAnswerPasses)
{
    ReplayedQueries none(0);
    std::string typed = "\x1b[24;80R";
    none.drop_answers(typed);
    EXPECT_EQ(typed, "\x1b[24;80R");
}

}  // namespace
}  // namespace banger::cli
