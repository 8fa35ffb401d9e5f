// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "image_recipe.hpp"

#include <gmock/gmock.h>

#include "banger/sdk/os/file.hpp"
#include "kernel_recipe.hpp"
#include "plugins/json/object_reader.hpp"
#include "words.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace banger::debian {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST(ImageRecipe, HasDefaults)
{
    const auto recipe = read_image_recipe(R"({"suite": "bookworm"})");
    ASSERT_TRUE(recipe) << recipe.error().message;
    EXPECT_EQ(recipe->archive.suite, "bookworm");
    EXPECT_EQ(recipe->archive.components, std::vector<std::string>{"main"});
    EXPECT_TRUE(recipe->archive.pockets.empty());
    EXPECT_EQ(recipe->variant, "minbase");
    EXPECT_TRUE(recipe->packages.empty());
    EXPECT_TRUE(recipe->customize.files.empty());
}

TEST(ImageRecipe, UnitsBecomeLinksAndRemovals)
{
    const auto recipe = read_image_recipe(R"({"suite": "bookworm", "customize": {
        "files": {"/a": "text", "/b": {"content": "more", "mode": "0755"}},
        "links": {"/c": "target"},
        "remove": ["/d"],
        "prune": {"/usr/share/doc": ["copyright"]},
        "mask": {"x.service": "why"},
        "mask_generators": {"g": "why"},
        "enable": {"sockets.target": {"ssh.socket": "why"}},
        "disable": {"multi-user.target": {"ssh.service": "why"}},
        "not_at_boot": {"sysinit.target": {"kmod@x.service": "why"}}}})");
    ASSERT_TRUE(recipe) << recipe.error().message;
    const auto& customize = recipe->customize;
    EXPECT_EQ(customize.files.at("/a").content, "text");
    EXPECT_EQ(customize.files.at("/a").mode, 0644U);
    EXPECT_EQ(customize.files.at("/b").mode, 0755U);
    EXPECT_EQ(customize.links.at("/c"), "target");
    EXPECT_EQ(customize.links.at("/etc/systemd/system/x.service"), "/dev/null");
    EXPECT_EQ(customize.links.at("/etc/systemd/system-generators/g"), "/dev/null");
    EXPECT_EQ(customize.links.at("/etc/systemd/system/sockets.target.wants/ssh.socket"),
              "/lib/systemd/system/ssh.socket");
    EXPECT_EQ(customize.links.at("/etc/systemd/system/sysinit.target.wants/kmod@x.service"), "/dev/null");
    EXPECT_THAT(customize.remove, Contains("/d"));
    EXPECT_THAT(customize.remove, Contains("/etc/systemd/system/multi-user.target.wants/ssh.service"));
    EXPECT_EQ(customize.prune.at("/usr/share/doc"), std::vector<std::string>{"copyright"});
}

TEST(ImageRecipe, WhatIsWrongIsNamed)
{
    const auto in_customize = [](const std::string& text) {
        return R"({"suite": "bookworm", "customize": {)" + text + "}}";
    };
    const std::pair<std::string, const char*> wrong[] = {
        {"", "is not JSON"},
        {"{\"suite\": ", "is not JSON"},
        {"7", "is not a JSON object"},
        {"{}", "has no 'suite'"},
        {R"({"suite": 7})", "'suite' that is not text"},
        {R"({"suite": "book worm"})", "'book worm'"},
        {R"({"suite": "bookworm", "variant": "tiny"})", "'tiny'"},
        {R"({"suite": "bookworm", "components": []})", "no components"},
        {R"({"suite": "bookworm", "pockets": ["fast"]})", "'fast'"},
        {R"({"suite": "bookworm", "packages": "git"})", "'packages' that is not a list"},
        {R"({"suite": "bookworm", "packages": ["git; rm"]})", "'git; rm'"},
        {R"({"suite": "bookworm", "packages": [7]})", "'packages'"},
        {R"({"suite": "bookworm", "scratch_mib": 0})", "'scratch_mib'"},
        {R"({"suite": "bookworm", "pakages": []})", "unknown key 'pakages'"},
        {R"({"suite": "bookworm", "customize": []})", "'customize' that is not an object"},
        {in_customize(R"("files": {"a": "b"})"), "'a'"},
        {in_customize(R"("files": {"/a/../b": "b"})"), "'/a/../b'"},
        {in_customize(R"("files": {"/a": 7})"), "neither text nor an object"},
        {in_customize(R"("files": {"/a": {"content": "b", "mode": "rwx"}})"), "'rwx'"},
        {in_customize(R"("files": {"/a": {"mode": "0644"}})"), "has no 'content'"},
        {in_customize(R"("links": {"/a": ""})"), "without a target"},
        {in_customize(R"("remove": ["/"])"), "'/'"},
        {in_customize(R"("prune": {"/a": ["*"]})"), "'/a'"},
        {in_customize(R"("mask": {"a b.service": "why"})"), "'a b.service'"},
        {in_customize(R"("mask": {"a.service": ""})"), "no reason for 'a.service'"},
        {in_customize(R"("enable": {"a.target": {"../b": "why"}})"), "'../b'"},
        {in_customize(R"("links": {"/a": "b"}, "remove": ["/a"])"), "both makes and removes '/a'"},
        {in_customize(R"("links": {"/a": "b"}, "files": {"/a": "b"})"), "both a file and a link '/a'"},
        {in_customize(R"("shell": "rm -rf /")"), "unknown key 'shell'"},
    };
    for (const auto& [text, words] : wrong) {
        const auto recipe = read_image_recipe(text);
        ASSERT_FALSE(recipe) << text;
        EXPECT_EQ(sdk::to_string(recipe.error().code), "invalid");
        EXPECT_THAT(recipe.error().message, HasSubstr(words)) << text;
    }
    EXPECT_EQ(read_image_recipe(R"({"suite": "bookworm", "pakages": []})").error().hint, "did you mean 'packages'?");
}

TEST(ImageRecipe, AbsolutePathsAreThoseThatStayInside)
{
    for (const char* path : {"/a", "/a/b", "/.a", "/a b", "/a'$(x)\"", "/ä"})
        EXPECT_TRUE(is_absolute_path(path)) << path;
    for (const char* path : {"", "/", "a", "/a/", "//a", "/.", "/a/..", "/a/../b", "/a//b", "/a\nb"})
        EXPECT_FALSE(is_absolute_path(path)) << path;
}

// The catalogue that is built into banger is made for these readers.
TEST(ImageRecipe, EveryDebianRecipeOfTheCatalogueIsRead)
{
    const auto text = sdk::os::read_file(BANGER_CATALOGUE_FILE);
    ASSERT_TRUE(text) << text.error().message;
    auto catalogue = plugin_json::parse_object(*text, "the catalogue");
    ASSERT_TRUE(catalogue) << catalogue.error().message;
    int read = 0;
    for (const char* list : {"images", "kernels"})
        for (const auto& entry : (*catalogue)[list].GetArray()) {
            if (plugin_json::string_of(entry["source"]) != "debian")
                continue;
            rapidjson::StringBuffer buffer;
            rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
            entry["recipe"].Accept(writer);
            ++read;
            if (list == std::string_view("images")) {
                const auto recipe = read_image_recipe(buffer.GetString());
                EXPECT_TRUE(recipe) << plugin_json::string_of(entry["name"]) << ": " << recipe.error().message;
            } else {
                const auto recipe = read_kernel_recipe(buffer.GetString());
                EXPECT_TRUE(recipe) << plugin_json::string_of(entry["name"]) << ": " << recipe.error().message;
            }
        }
    EXPECT_GE(read, 3);
}

}  // namespace
}  // namespace banger::debian
