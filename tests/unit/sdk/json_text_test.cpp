// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/json_text.hpp"

#include <gtest/gtest.h>

namespace banger::sdk {
namespace {

TEST(JsonText, StringsAreEscaped)
{
    EXPECT_EQ(json_string("plain, ~ and ä"), "\"plain, ~ and ä\"");
    EXPECT_EQ(json_string("a \"b\" \\ c/d"), R"("a \"b\" \\ c/d")");
    EXPECT_EQ(json_string("\b\f\n\r\t"), R"("\b\f\n\r\t")");
    EXPECT_EQ(json_string({"\0\x1b\x7f", 3}), "\"\\u0000\\u001B\x7f\"");
}

TEST(JsonText, MembersStayInOrder)
{
    EXPECT_EQ(JsonObject().done(), "{}");
    JsonObject inner;
    inner.number("n", 18446744073709551615U);
    EXPECT_EQ(JsonObject().text("b", "x").flag("a", true).json("inner", inner.done()).done(),
              R"({"b":"x","a":true,"inner":{"n":18446744073709551615}})");
}

}  // namespace
}  // namespace banger::sdk
