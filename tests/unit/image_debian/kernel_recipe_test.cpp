// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "kernel_recipe.hpp"

#include <gmock/gmock.h>

#include "config.hpp"

namespace banger::debian {
namespace {

using ::testing::HasSubstr;

TEST(KernelRecipe, IsAPackageOfAnArchive)
{
    const auto recipe = read_kernel_recipe(
        R"({"suite": "bookworm", "pockets": ["security"], "package": "linux-image-cloud-amd64", "command_line": "a=b c"})");
    ASSERT_TRUE(recipe) << recipe.error().message;
    EXPECT_EQ(recipe->package, "linux-image-cloud-amd64");
    EXPECT_EQ(recipe->archive.pockets, std::vector<std::string>{"security"});
    EXPECT_EQ(recipe->command_line, "a=b c");
    EXPECT_TRUE(recipe->url.empty());
}

TEST(KernelRecipe, OrAnAddressWithADigest)
{
    const std::string digest(64, 'a');
    const auto recipe = read_kernel_recipe(R"({"url": "http://h/k.deb", "sha256": ")" + digest + "\"}");
    ASSERT_TRUE(recipe) << recipe.error().message;
    EXPECT_EQ(recipe->url, "http://h/k.deb");
    EXPECT_EQ(recipe->sha256, digest);
}

TEST(KernelRecipe, WhatIsWrongIsNamed)
{
    const std::pair<const char*, const char*> wrong[] = {
        {"nonsense", "is not JSON"},
        {"{}", "has no 'suite'"},
        {R"({"suite": "bookworm"})", "has no 'package'"},
        {R"({"suite": "bookworm", "package": "Linux!"})", "'Linux!'"},
        {R"({"url": "http://h/k.deb"})", "has no 'sha256'"},
        {R"({"url": "http://h/k.deb", "sha256": "1234"})", "'1234'"},
        {R"({"url": "gopher://h/k.deb", "sha256": "1234"})", "gopher"},
        {R"({"suite": "bookworm", "package": "linux-image-x", "command_line": "a\nb"})", "command_line"},
        {R"({"suite": "bookworm", "package": "linux-image-x", "url": "http://h/k.deb"})", "sha256"},
        {R"({"suite": "bookworm", "package": "linux-image-x", "packages": []})", "unknown key 'packages'"},
    };
    for (const auto& [text, words] : wrong) {
        const auto recipe = read_kernel_recipe(text);
        ASSERT_FALSE(recipe) << text;
        EXPECT_EQ(sdk::to_string(recipe.error().code), "invalid");
        EXPECT_THAT(recipe.error().message, HasSubstr(words)) << text;
    }
}

TEST(DebianConfig, IsRead)
{
    const auto config = read_config(R"({"mirror": "http://m/debian", "scratch": "disk", "proxy": "http://p:3142"})");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->mirror, "http://m/debian");
    EXPECT_EQ(config->scratch, Scratch::disk);
    EXPECT_EQ(config->proxy, "http://p:3142");
    EXPECT_EQ(config->security_mirror, Config{}.security_mirror);
    for (const char* wrong : {R"({"mirror": "m"})", R"({"mirror": "http://m \"; evil"})", R"({"keyring": "relative"})",
                              R"({"scratch": "cloud"})", R"({"miror": "http://m"})"})
        EXPECT_FALSE(read_config(wrong)) << wrong;
}

}  // namespace
}  // namespace banger::debian
