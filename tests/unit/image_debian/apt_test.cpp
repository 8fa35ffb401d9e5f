// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "apt.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::debian {
namespace {

TEST(Apt, SourcesNameEveryPocketAtItsMirror)
{
    Config config;
    config.mirror = "http://mirror/debian";
    config.security_mirror = "http://mirror/security";
    const auto sources = sources_of({"bookworm", {"main", "contrib"}, {"updates", "security"}}, config);
    ASSERT_EQ(sources.size(), 3U);
    EXPECT_EQ(sources[0].line(), "deb http://mirror/debian bookworm main contrib");
    EXPECT_EQ(sources[1].line("signed-by=/k"), "deb [signed-by=/k] http://mirror/debian bookworm-updates main contrib");
    EXPECT_EQ(sources[2].line(), "deb http://mirror/security bookworm-security main contrib");
    EXPECT_EQ(sources[2].in_release(), "http://mirror/security/dists/bookworm-security/InRelease");
}

TEST(Apt, ReleaseDateIsRead)
{
    const auto date = release_date("Origin: Debian\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nAcquire-By-Hash: yes\n");
    ASSERT_TRUE(date);
    EXPECT_EQ(date->time_since_epoch().count(), 1783764997);
    for (const char* wrong :
         {"", "Date: ", "Date: Sat, 41 Jul 2026 10:16:37 UTC\n", "Date: Sat, 11 Xyz 2026 1:2:3 UTC\n"})
        EXPECT_FALSE(release_date(wrong)) << wrong;
}

TEST(Apt, ControlFieldsAreOfTheFirstParagraph)
{
    const std::string text = "Package: a\nVersion: 1\nDepends: b (= 2), c\n\nPackage: a\nSHA256: 00\n";
    EXPECT_EQ(control_field(text, "Version"), "1");
    EXPECT_EQ(control_field(text, "Depends"), "b (= 2), c");
    EXPECT_EQ(control_field(text, "SHA256"), "");
}

TEST(Apt, WhatAToolSaysBecomesOneOfOurErrors)
{
    const auto code = [](const char* output) { return tool_error("make it", output, 100).code; };
    EXPECT_EQ(code("E: Unable to locate package nosuch\n"), sdk::Code::invalid);
    EXPECT_EQ(code("E: Failed to fetch http://m/x  Could not resolve 'm'\n"), sdk::Code::unavailable);
    EXPECT_EQ(code("E: Failed to fetch http://m/x  Hash Sum mismatch\n"), sdk::Code::corrupt);
    EXPECT_EQ(code("tar: x: Cannot write: No space left on device\n"), sdk::Code::no_space);
    const auto other = tool_error("make it", "I: well\nE: strange\n", 7);
    EXPECT_EQ(other.code, sdk::Code::internal);
    EXPECT_EQ(other.message, "cannot make it: strange");
    EXPECT_EQ(tool_error("make it", "", 7).message, "cannot make it: it ended with status 7");
}

class PrivateAptTest : public ::testing::Test {
protected:
    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
};

TEST_F(PrivateAptTest, AMirrorThatDoesNotAnswerIsUnavailableAtOnce)
{
    Config config;
    config.mirror = "http://127.0.0.1:9/debian";  // the discard port: nobody listens
    const auto apt = PrivateApt::create(host.directory() + "/apt", {}, config);
    ASSERT_TRUE(apt) << apt.error().message;
    const auto date = newest_release(*apt, sources_of({"bookworm", {"main"}, {}}, config), host.directory(), call);
    ASSERT_FALSE(date);
    EXPECT_EQ(sdk::to_string(date.error().code), "unavailable") << date.error().message;
    EXPECT_NE(date.error().message.find("127.0.0.1"), std::string::npos) << date.error().message;
    EXPECT_NE(date.error().hint.find("mirror"), std::string::npos);
}

TEST_F(PrivateAptTest, FilesAreFetchedAndTheirDigestsChecked)
{
    const auto apt = PrivateApt::create(host.directory() + "/apt", {}, {});
    ASSERT_TRUE(apt) << apt.error().message;
    const std::string original = host.directory() + "/original";
    ASSERT_TRUE(sdk::os::write_file_atomic(original, "banger\n", 0644));
    const std::string digest = "SHA256:a6a1bf6fe4a0fe1ee1de2d5a47d1ebd1ea0f1ed7b13a2f3a4d7e1a9a0c3c6f2e";
    const auto wrong =
        apt->fetch({{"copy://" + original, host.directory() + "/copy", digest}}, call, std::chrono::minutes(1));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(sdk::to_string(wrong.error().code), "corrupt") << wrong.error().message;
    const auto fetched =
        apt->fetch({{"copy://" + original, host.directory() + "/copy", {}}}, call, std::chrono::minutes(1));
    ASSERT_TRUE(fetched) << fetched.error().message;
    EXPECT_EQ(*sdk::os::read_file(host.directory() + "/copy"), "banger\n");
}

TEST_F(PrivateAptTest, ItKnowsNothingOfTheHostsPackages)
{
    const auto apt = PrivateApt::create(host.directory() + "/apt", {}, {});
    ASSERT_TRUE(apt) << apt.error().message;
    const auto names = apt->run({"apt-cache", "pkgnames"}, call, std::chrono::minutes(1));
    ASSERT_TRUE(names) << names.error().message;
    EXPECT_EQ(names->out, "");
}

}  // namespace
}  // namespace banger::debian
