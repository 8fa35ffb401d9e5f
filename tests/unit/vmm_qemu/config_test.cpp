// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "config.hpp"

#include <gtest/gtest.h>

namespace banger::qemu {
namespace {

TEST(Config, DefaultsAndValues)
{
    const auto defaults = read_config("{}");
    ASSERT_TRUE(defaults);
    EXPECT_EQ(defaults->program, "qemu-system-x86_64");
    EXPECT_EQ(defaults->accelerator, AcceleratorChoice::automatic);

    const auto given = read_config(R"({"program":"/opt/qemu","accelerator":"tcg","translation_cache_mib":64,"start_patience":5})");
    ASSERT_TRUE(given);
    EXPECT_EQ(given->program, "/opt/qemu");
    EXPECT_EQ(given->accelerator, AcceleratorChoice::tcg);
    EXPECT_EQ(given->translation_cache_mib, 64U);
    EXPECT_EQ(defaults->start_patience, std::chrono::seconds(60));
    EXPECT_EQ(given->start_patience, std::chrono::seconds(5));
}

TEST(Config, WrongTextIsInvalid)
{
    for (const char* text : {"", "[]", "{", R"({"accelerator":"hvf"})", R"({"accelerator":1})", R"({"colour":"red"})",
                             R"({"translation_cache_mib":-1})", R"({"start_patience":0})"}) {
        const auto config = read_config(text);
        ASSERT_FALSE(config) << text;
        EXPECT_EQ(config.error().code, sdk::Code::invalid);
    }
}

}  // namespace
}  // namespace banger::qemu
