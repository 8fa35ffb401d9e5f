// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <gtest/gtest.h>

namespace banger::dns {
namespace {

TEST(DnsConfig, ReadsWhatTheSchemaDescribes)
{
    const auto config = read_config(R"({"address": "::1", "port": 53, "zone": "test"})");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->address, "::1");
    EXPECT_EQ(config->port, 53);
    EXPECT_EQ(config->zone, "test");
}

TEST(DnsConfig, RefusesWhatCannotBe)
{
    for (const char* text : {"", "[]", R"({"address": "127.0.0.1", "port": 53, "zone": "a..b"})",
                             R"({"address": "0.0.0.0", "port": 53, "zone": "vm"})",
                             R"({"address": "::", "port": 53, "zone": "vm"})",
                             R"({"address": "localhost", "port": 53, "zone": "vm"})",
                             R"({"address": "127.0.0.1", "port": 65536, "zone": "vm"})",
                             R"({"address": "127.0.0.1", "port": 53, "zone": "vm", "more": 1})"}) {
        const auto config = read_config(text);
        ASSERT_FALSE(config) << text;
        EXPECT_EQ(config.error().code, sdk::Code::invalid) << text;
    }
}

}  // namespace
}  // namespace banger::dns
