// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <gmock/gmock.h>

namespace banger::firecracker {
namespace {

using ::testing::HasSubstr;

TEST(FirecrackerConfig, ReadsWhatTheSchemaHas)
{
    const auto config = read_config(
        R"({"firecracker_bin":"/opt/fc","jail":"require","balloon":false,"free_page_reporting":true,"disk_mib_per_second":100,"start_patience":5,)"
        R"("disk_operations_per_second":500,)"
        R"("network_mib_per_second":10,"network_packets_per_second":0})");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->program, "/opt/fc");
    EXPECT_EQ(config->jail, JailChoice::require);
    EXPECT_EQ(read_config(R"({"jail":"off"})")->jail, JailChoice::off);
    EXPECT_EQ(read_config("{}")->jail, JailChoice::automatic);
    EXPECT_FALSE(config->balloon);
    EXPECT_TRUE(config->free_page_reporting);
    EXPECT_EQ(config->disk_rate.bytes, 100U << 20U);
    EXPECT_EQ(config->disk_rate.operations, 500U);
    EXPECT_EQ(config->network_rate.bytes, 10U << 20U);
    EXPECT_EQ(config->network_rate.operations, 0U);
    EXPECT_EQ(config->start_patience, std::chrono::seconds(5));
    EXPECT_EQ(read_config("{}")->start_patience, std::chrono::seconds(60));
    EXPECT_FALSE(read_config("{}")->disk_rate.limits());
}

TEST(FirecrackerConfig, NamesWhatItDoesNotKnow)
{
    for (const auto& [text, word] : {std::pair{R"({"firecracker_bin":""})", "firecracker_bin"},
                                     {R"({"disk_mib_per_second":-1})", "disk_mib_per_second"},
                                     {R"({"balloon":1})", "balloon"},
                                     {R"({"start_patience":0})", "start_patience"},
                                     {R"({"start_patience":101})", "start_patience"},
                                     {R"({"jail":"perhaps"})", "perhaps"},
                                     {R"({"speed":1})", "speed"},
                                     {"[]", "JSON"}}) {
        const auto config = read_config(text);
        ASSERT_FALSE(config) << text;
        EXPECT_THAT(config.error().message, HasSubstr(word));
    }
}

}  // namespace
}  // namespace banger::firecracker
