// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/sizes.hpp"

#include <gtest/gtest.h>

namespace banger::base {
namespace {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = 1024 * kib;
constexpr std::uint64_t gib = 1024 * mib;

std::uint64_t size_of(const char* text, PlainUnit plain = PlainUnit::bytes)
{
    const auto result = parse_size("--disk", text, plain);
    EXPECT_TRUE(result) << text << ": " << (result ? "" : result.error().message);
    return result ? *result : 0;
}

TEST(Sizes, AreReadWithTheirUnits)
{
    EXPECT_EQ(size_of("8G"), 8 * gib);
    EXPECT_EQ(size_of("8g"), 8 * gib);
    EXPECT_EQ(size_of("8 GiB"), 8 * gib);
    EXPECT_EQ(size_of("512MiB"), 512 * mib);
    EXPECT_EQ(size_of("1.5G"), 1536 * mib);
    EXPECT_EQ(size_of("4k"), 4096U);
    EXPECT_EQ(size_of("1GB"), 1'000'000'000U);
    EXPECT_EQ(size_of("1kB"), 1000U);
    EXPECT_EQ(size_of("16T"), 16 * 1024 * gib);
    EXPECT_EQ(size_of("1P"), 1024 * 1024 * gib);
    EXPECT_EQ(size_of("17B"), 17U);
    EXPECT_EQ(size_of("  17  "), 17U);
    EXPECT_EQ(size_of("0"), 0U);
    EXPECT_EQ(size_of("2048", PlainUnit::mebibytes), 2 * gib);
    EXPECT_EQ(size_of("2G", PlainUnit::mebibytes), 2 * gib);
    EXPECT_EQ(size_of("9223372036854775807"), 9'223'372'036'854'775'807U);
}

struct Bad {
    const char* text;
    const char* why;
};

TEST(Sizes, RefuseWhatIsNoSize)
{
    for (const auto& [text, why] :
         {Bad{"", "a size is needed"}, Bad{"   ", "a size is needed"}, Bad{"-1G", "a size is not negative"},
          Bad{"G", "that is no size"}, Bad{"x", "that is no size"}, Bad{"1.", "that is no size"},
          Bad{".5G", "that is no size"}, Bad{"8X", "there is no unit 'X'"}, Bad{"8GiBs", "there is no unit 'GiBs'"},
          Bad{"1.2.3G", "there is no unit '.3G'"}, Bad{"1e3", "there is no unit 'e3'"},
          Bad{"0x10", "there is no unit 'x10'"}, Bad{"8192P", "that is too much"},
          Bad{"9223372036854775808", "that is too much"}, Bad{"999999999999999999999999", "that is no size"},
          Bad{"0.3", "that is not a whole number of bytes"}}) {
        const auto result = parse_size("--disk", text);
        ASSERT_FALSE(result) << text;
        EXPECT_EQ(result.error().code, sdk::Code::invalid);
        EXPECT_EQ(result.error().message, "--disk cannot be '" + std::string(text) + "': " + why);
        EXPECT_EQ(result.error().hint, "write a size such as 512M or 8G; a number alone is bytes");
    }
    EXPECT_EQ(parse_size("--memory", "x", PlainUnit::mebibytes).error().hint,
              "write a size such as 512M or 8G; a number alone is MiB");
}

TEST(Sizes, AreShownShort)
{
    EXPECT_EQ(format_size(0), "0 B");
    EXPECT_EQ(format_size(1023), "1023 B");
    EXPECT_EQ(format_size(1024), "1 KiB");
    EXPECT_EQ(format_size(512 * mib), "512 MiB");
    EXPECT_EQ(format_size(8 * gib), "8 GiB");
    EXPECT_EQ(format_size(1536 * mib), "1.5 GiB");
    EXPECT_EQ(format_size(gib - 1), "1023.9 MiB");
    EXPECT_EQ(format_size(~std::uint64_t{0}), "15.9 EiB");
}

}  // namespace
}  // namespace banger::base
