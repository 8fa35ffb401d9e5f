// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "table.hpp"

#include <gmock/gmock.h>

namespace banger::dm {
namespace {

using ::testing::ElementsAre;

TEST(DmTable, ASnapshotIsPersistentWithChunksOfAPage)
{
    EXPECT_THAT(snapshot_table(16384, "7:0", "7:1"), ElementsAre(Target{0, 16384, "snapshot", "7:0 7:1 P 8"}));
}

TEST(DmTable, AnOriginIsLengthenedByZeros)
{
    EXPECT_THAT(longer_table("7:0", 2056, 16384),
                ElementsAre(Target{0, 2056, "linear", "7:0 0"}, Target{2056, 14328, "zero", ""}));
}

TEST(DmTable, TheKernelsAnswerSaysWhatASnapshotStandsOn)
{
    const auto parts = parse_snapshot({{0, 16384, "snapshot", "253:3 7:12 P 8"}});
    ASSERT_TRUE(parts);
    EXPECT_EQ(parts->origin, "253:3");
    EXPECT_EQ(parts->cow, "7:12");
    EXPECT_EQ(parts->chunk_sectors, 8U);
    EXPECT_FALSE(parse_snapshot({}));
    EXPECT_FALSE(parse_snapshot(error_table(8)));
    EXPECT_FALSE(parse_snapshot(longer_table("7:0", 8, 16)));
    EXPECT_FALSE(parse_snapshot({{0, 16384, "snapshot", "253:3"}}));
}

TEST(DmTable, ATargetThatTheKernelLacksIsFound)
{
    const std::vector<std::string> known{"error", "linear"};
    EXPECT_EQ(missing_type(snapshot_table(8, "7:0", "7:1"), known), "snapshot");
    EXPECT_EQ(missing_type(longer_table("7:0", 8, 16), known), "zero") << "the second of two";
    EXPECT_FALSE(missing_type(error_table(8), known));
}

// Every word of snapshot_status() in drivers/md/dm-snap.c.
TEST(DmTable, HealthIsReadFromTheStatus)
{
    EXPECT_EQ(parse_health("16/204800 16"), SnapshotHealth::sound);
    EXPECT_EQ(parse_health("Invalid"), SnapshotHealth::failed);
    EXPECT_EQ(parse_health("Overflow"), SnapshotHealth::failed);
    EXPECT_EQ(parse_health("Merge failed"), SnapshotHealth::failed);
    EXPECT_EQ(parse_health("Unknown"), SnapshotHealth::unknown);
    EXPECT_EQ(parse_health(""), SnapshotHealth::unknown);
}

}  // namespace
}  // namespace banger::dm
