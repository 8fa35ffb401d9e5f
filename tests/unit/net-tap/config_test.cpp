// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <gtest/gtest.h>

namespace banger::tap {
namespace {

TEST(TapConfig, ReadsEveryKey)
{
    const auto config =
        read_config(R"({"bridge": "br-x", "subnet": "10.9.0.0/16", "pool": 7, "guests_reach_each_other": true,
                       "firewall_lets_guests_through": true})");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->bridge, "br-x");
    EXPECT_EQ(config->subnet->text(), "10.9.0.0/16");
    EXPECT_EQ(config->pool, 7U);
    EXPECT_TRUE(config->guests_reach_each_other);
    EXPECT_TRUE(config->firewall_lets_guests_through);
    EXPECT_FALSE(read_config(R"({"bridge": "", "subnet": ""})")->subnet);
}

TEST(TapConfig, RefusesWhatCannotBe)
{
    for (const char* text : {"", "[]", R"({"bridge": 1})", R"({"bridge": "a/b"})", R"({"bridge": "longer-than-that-"})",
                             R"({"subnet": "8.8.8.0/24"})", R"({"pool": -1})", R"({"pools": 1})"}) {
        const auto config = read_config(text);
        ASSERT_FALSE(config) << text;
        EXPECT_EQ(config.error().code, sdk::Code::invalid);
    }
}

}  // namespace
}  // namespace banger::tap
