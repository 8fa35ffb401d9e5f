// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/recipe_identity.hpp"

#include <gtest/gtest.h>

namespace banger::images {
namespace {

CatalogueEntry entry(const std::string& recipe, const std::string& source = "debian")
{
    CatalogueEntry made;
    made.name = "any";
    made.source = source;
    made.recipe = recipe;
    return made;
}

TEST(RecipeIdentity, CanonicalTextDependsOnTheValueOnly)
{
    const auto value = json::parse(R"( { "b" : [ 1, { "z":true, "y":null } ], "a" : "x/\u0041" } )", "a text");
    ASSERT_TRUE(value);
    EXPECT_EQ(canonical_json(*value), R"({"a":"x/A","b":[1,{"y":null,"z":true}]})");
}

TEST(RecipeIdentity, IsSixteenHexDigitsOfTheRecipe)
{
    const std::string id = recipe_id("image", entry(R"({"a":1,"b":2})"));
    EXPECT_TRUE(is_recipe_id(id)) << id;
    EXPECT_EQ(id, recipe_id("image", entry(R"({ "b":2, "a":1 })")));
    EXPECT_NE(id, recipe_id("image", entry(R"({"a":1,"b":3})")));
    EXPECT_NE(id, recipe_id("image", entry(R"({"a":1,"b":2})", "oci")));
    EXPECT_NE(id, recipe_id("kernel", entry(R"({"a":1,"b":2})")));
}

TEST(RecipeIdentity, ANameDoesNotChangeIt)
{
    auto other = entry("{}");
    other.name = "other";
    other.description = "something else";
    other.kernel = "another";
    EXPECT_EQ(recipe_id("image", entry("{}")), recipe_id("image", other));
}

// The ids of what people have already pulled.
TEST(RecipeIdentity, StaysWhatItWas)
{
    EXPECT_EQ(recipe_id("image", entry(R"({"suite":"bookworm"})")), "92935b2b089427ab");
}

TEST(RecipeIdentity, KnowsIdsFromNames)
{
    EXPECT_TRUE(is_recipe_id("0123456789abcdef"));
    EXPECT_FALSE(is_recipe_id("0123456789abcde"));
    EXPECT_FALSE(is_recipe_id("0123456789ABCDEF"));
    EXPECT_FALSE(is_recipe_id(".new-0123456789a"));
}

TEST(RecipeIdentity, UuidsAreVersionEightAndDifferByRole)
{
    const auto root = derived_uuid("0123456789abcdef", "root");
    EXPECT_EQ(root, derived_uuid("0123456789abcdef", "root"));
    EXPECT_NE(root, derived_uuid("0123456789abcdef", "work"));
    EXPECT_NE(root, derived_uuid("0123456789abcdee", "root"));
    EXPECT_EQ(root[6] >> 4U, 8);
    EXPECT_EQ(root[8] >> 6U, 2);
}

}  // namespace
}  // namespace banger::images
