// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <gtest/gtest.h>

namespace banger::dm {
namespace {

TEST(DmConfig, ReadsTheReserve)
{
    EXPECT_EQ(read_config(R"({"reserve_mib": 256})")->reserve_bytes, 256ULL << 20U);
    EXPECT_EQ(read_config("{}")->reserve_bytes, 1ULL << 30U);
}

TEST(DmConfig, RefusesWhatItDoesNotKnow)
{
    for (const char* text : {"", "[]", R"({"reserve_mib": "256"})", R"({"reserve_mib": 0})", R"({"reserve": 1})"}) {
        const auto config = read_config(text);
        ASSERT_FALSE(config) << text;
        EXPECT_EQ(config.error().code, sdk::Code::invalid);
        EXPECT_NE(config.error().message.find("storage-dm"), std::string::npos);
    }
}

}  // namespace
}  // namespace banger::dm
