// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/nearest.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace banger::base {
namespace {

TEST(EditDistance, CountsEditsAndSwaps)
{
    EXPECT_EQ(edit_distance("", ""), 0U);
    EXPECT_EQ(edit_distance("abc", ""), 3U);
    EXPECT_EQ(edit_distance("", "abc"), 3U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
    EXPECT_EQ(edit_distance("qmeu", "qemu"), 1U);
    EXPECT_EQ(edit_distance("QEMU", "qemu"), 0U);
    EXPECT_EQ(edit_distance("ca", "abc"), 3U);  // 2 without the rule that no part is edited twice
}

TEST(Nearest, FindsWhatWasMeant)
{
    const std::vector<std::string> known{"debian-bookworm", "debian-bookworm-minimal", "alpine"};
    EXPECT_EQ(nearest("debain-bookworm", known), "debian-bookworm");
    EXPECT_EQ(nearest("debian-bookworm-minmal", known), "debian-bookworm-minimal");
    EXPECT_EQ(nearest("debian", known), "debian-bookworm");
    EXPECT_EQ(nearest("Alpine", known), "alpine");
    EXPECT_EQ(nearest("windows", known), std::nullopt);
    EXPECT_EQ(nearest("", known), std::nullopt);
    EXPECT_EQ(nearest("x", {}), std::nullopt);
    EXPECT_EQ(nearest(std::string(100'000, 'a'), known), std::nullopt);
}

TEST(Nearest, ShortWordsMustShareSomething)
{
    const std::vector<std::string> known{"a"};
    EXPECT_EQ(nearest("b", known), std::nullopt);
}

TEST(Suggestion, SaysTheNearestOrAll)
{
    const std::vector<std::string> known{"qemu", "null"};
    EXPECT_EQ(suggestion("qmeu", known), "did you mean 'qemu'?");
    EXPECT_EQ(suggestion("firecracker", known), "known: qemu, null");
    EXPECT_EQ(suggestion("firecracker", {}), "");
}

}  // namespace
}  // namespace banger::base
