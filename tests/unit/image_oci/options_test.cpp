// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// The plugin's settings, and what they make of a reference.
#include "options.hpp"

#include <gmock/gmock.h>

namespace banger::oci {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Options, SayWhoIsAskedAndHow)
{
    const auto options = read_options(R"({"platform": "linux/arm64", "plain_http": ["registry.lan:5000"], "stall_seconds": 7,
                                          "mirrors": {"docker.io": ["mirror.lan", "registry.lan:5000"]}})", "/cache");
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_EQ(options->platform, "linux/arm64");
    EXPECT_EQ(options->patience.stall, std::chrono::seconds(7));
    std::vector<std::string> asked;
    for (const auto& place : options->places_of(*parse_reference("alpine:3")))
        asked.push_back(place.registry + (options->registry_options(place).plain ? " plain " : " ") + place.repository);
    EXPECT_THAT(asked, ElementsAre("mirror.lan library/alpine", "registry.lan:5000 plain library/alpine", "docker.io library/alpine"));
    EXPECT_EQ(options->places_of(*parse_reference("ghcr.io/a/b")).size(), 1U);
}

TEST(Options, WhatTheyCannotSayIsRefusedByName)
{
    for (const auto& [text, why] : {std::pair{"[]", "not a JSON object"}, {"{}", "no 'platform'"},
                                    {R"({"platform": 5})", "platform"},
                                    {R"({"platform": "a/b", "mirrors": {"docker.io": "x"}})", "docker.io"},
                                    {R"({"platform": "a/b", "stall_seconds": 0})", "stall_seconds"},
                                    {R"({"platform": "a/b", "mirors": {}})", "unknown key 'mirors'"}}) {
        const auto options = read_options(text, "/cache");
        ASSERT_FALSE(options) << text;
        EXPECT_THAT(options.error().message, HasSubstr(why));
    }
}

}  // namespace
}  // namespace banger::oci
