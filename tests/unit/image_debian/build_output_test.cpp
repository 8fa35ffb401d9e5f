// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "build_output.hpp"

#include <gtest/gtest.h>

namespace banger::debian {
namespace {

TEST(BuildOutput, CountsPackagesOverBothInstallations)
{
    BuildOutput output;
    EXPECT_EQ(output.line("I: running apt-get update...")->stage, "read package lists");
    EXPECT_FALSE(output.line("Get:1 http://m/debian bookworm InRelease [151 kB]"));
    EXPECT_EQ(output.line("I: downloading packages with apt...")->stage, "download packages");
    EXPECT_FALSE(output.line("0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded."));
    const auto got = output.line("Get:1 http://m/debian bookworm/main amd64 libc6 amd64 2.36 [2759 kB]");
    ASSERT_TRUE(got);
    EXPECT_EQ(got->done, 1U);
    EXPECT_EQ(got->total, 2U);
    EXPECT_EQ(output.line("I: extracting archives...")->stage, "unpack the base system");
    EXPECT_EQ(output.line("I: installing essential packages...")->stage, "install packages");
    EXPECT_EQ(output.line("Setting up libc6:amd64 (2.36) ...")->done, 1U);
    EXPECT_FALSE(output.line("0 upgraded, 3 newly installed, 0 to remove and 0 not upgraded."));
    const auto last = output.line("Setting up git (1:2.39) ...");
    ASSERT_TRUE(last);
    EXPECT_EQ(last->stage, "install packages");
    EXPECT_EQ(last->done, 2U);
    EXPECT_EQ(last->total, 5U);
    EXPECT_EQ(output.line("I: creating tarball...")->stage, "write the image");
    EXPECT_EQ(output.packages(), 5U);
}

TEST(BuildOutput, OtherLinesMeanNothingAndTheTailIsBounded)
{
    BuildOutput output;
    for (const char* line : {"", "I: something new", "Unpacking git (1:2.39) ...", "0 upgraded, x newly installed, 0"})
        EXPECT_FALSE(output.line(line)) << line;
    for (int i = 0; i < 10'000; ++i)
        EXPECT_FALSE(output.line("a line of output that is worth nothing"));
    EXPECT_FALSE(output.line("E: the last words"));
    EXPECT_LT(output.tail().size(), 40'000U);
    EXPECT_TRUE(output.tail().ends_with("E: the last words\n"));
}

}  // namespace
}  // namespace banger::debian
