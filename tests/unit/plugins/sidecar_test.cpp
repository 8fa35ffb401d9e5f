// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/sidecar.hpp"

#include <gtest/gtest.h>

#include "test_plugins.hpp"

namespace banger::plugins {
namespace {

constexpr const char* good = R"({"id": "storage-file", "version": "0.1.0", "api": "0.1",
    "kinds": [{"kind": "storage/0", "name": "file"}, {"kind": "storage.fork/0", "name": "file"}],
    "config_schema": {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}}})";

TEST(Sidecar, IsRead)
{
    const auto sidecar = parse_sidecar(good, "x.plugin.json");
    ASSERT_TRUE(sidecar) << sidecar.error().message;
    EXPECT_EQ(sidecar->id, "storage-file");
    EXPECT_EQ(sidecar->version, "0.1.0");
    EXPECT_EQ(sidecar->api, host_api());
    EXPECT_EQ(sidecar->capabilities, (std::vector<CapabilityName>{{"storage/0", "file"}, {"storage.fork/0", "file"}}));
    EXPECT_EQ(sidecar->config_schema, R"({"type":"object","properties":{"a":{"type":"string","default":"x"}}})");
}

TEST(Sidecar, SaysWhetherItNeedsRoot)
{
    EXPECT_FALSE(parse_sidecar(good, "x.plugin.json")->needs_root);
    std::string text = good;
    text.insert(text.find(R"("config_schema")"), R"("needs_root": true, )");
    EXPECT_TRUE(parse_sidecar(text, "x.plugin.json")->needs_root);
}

// The good one with one part replaced.
std::string with(const std::string& part, const std::string& other)
{
    std::string text = good;
    text.replace(text.find(part), part.size(), other);
    return text;
}

TEST(Sidecar, SaysWhatIsWrong)
{
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "is no JSON: The document is empty. (at byte 0)"},
        {"{", "is no JSON: Missing a name for object member. (at byte 1)"},
        {std::string(100'000, '['), "nests deeper than 32 levels"},
        {"[]", "must hold one JSON object"},
        {with(R"("id": "storage-file", )", ""), "has no 'id'"},
        {with(R"("storage-file")", "7"), "has a 'id' that is no short text"},
        {with("storage-file", "../../etc"), "has an id that is no word of a-z, 0-9 and '-': '../../etc'"},
        {with("storage-file", ""), "has a 'id' that is no short text"},
        {with("0.1.0", "0.1\\n0"), "has control characters in 'version'"},
        {with("\"version\"", "\"verzion\""), "has an unknown key 'verzion'"},
        {with("storage/0", "storage"), "has a kind that does not look like 'storage/0': 'storage'"},
        {with("storage/0", "storage/x"), "has a kind that does not look like 'storage/0': 'storage/x'"},
        {with(R"("name": "file"})", R"("name": "auto"})"), "has a provider name that cannot be used: 'auto'"},
        {with(R"("name": "file"})", R"("nam": "file"})"), "has no 'name'"},
        {with("storage.fork/0", "storage/0"), "lists storage/0 'file' twice"},
        {with(R"("config_schema": {)", R"("config_schema": [], "description": {)"),
         "has a 'config_schema' that is no object"},
        {with(R"("config_schema": {)", R"("needs_root": "yes", "config_schema": {)"),
         "has a 'needs_root' that is neither true nor false"},
        {with(R"(, "default": "x")", ""), "has a setting without a default: 'a'"},
    };
    for (const auto& [text, why] : cases) {
        const auto sidecar = parse_sidecar(text, "x.plugin.json");
        ASSERT_FALSE(sidecar) << text;
        EXPECT_EQ(sidecar.error().code, sdk::Code::invalid);
        EXPECT_EQ(sidecar.error().message, "x.plugin.json " + why);
    }
    EXPECT_EQ(parse_sidecar(with("\"version\"", "\"verzion\""), "x").error().hint, "did you mean 'version'?");
}

TEST(Sidecar, OneThatIsNotThereIsNotFound)
{
    EXPECT_EQ(read_sidecar("/nowhere.plugin.json").error().code, sdk::Code::not_found);
}

}  // namespace
}  // namespace banger::plugins
