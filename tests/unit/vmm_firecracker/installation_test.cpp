// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "installation.hpp"

#include <gmock/gmock.h>

namespace banger::firecracker {
namespace {

using ::testing::HasSubstr;

TEST(FirecrackerVersion, IsReadFromWhatItSays)
{
    EXPECT_EQ(Version::from("1.16.1"), (Version{1, 16, 1}));
    EXPECT_EQ(Version::from("1.16.1-dev\n"), (Version{1, 16, 1}));
    EXPECT_EQ(Version::from("1.8"), (Version{1, 8, 0}));
    EXPECT_EQ(Version::from("1.8\n"), (Version{1, 8, 0}));
    for (const char* text : {"", "1", "1.", "v1.8.0", ".8", "x"})
        EXPECT_FALSE(Version::from(text)) << text;
    EXPECT_LT((Version{1, 9, 1}), (Version{1, 10, 0}));
}

TEST(FirecrackerVersion, NotEachSavesMachines)
{
    EXPECT_THAT(snapshot_problem({1, 11, 3}), HasSubstr("1.12"));
    EXPECT_THAT(snapshot_problem({1, 16, 0}), HasSubstr("1.16.1"));
    for (const Version& version : {Version{1, 12, 0}, {1, 15, 1}, {1, 16, 1}, {1, 17, 0}, {2, 0, 0}})
        EXPECT_EQ(snapshot_problem(version), "") << to_string(version);
}

}  // namespace
}  // namespace banger::firecracker
