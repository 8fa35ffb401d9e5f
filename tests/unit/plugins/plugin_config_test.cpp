// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/plugin_config.hpp"

#include <gtest/gtest.h>

#include "test_plugins.hpp"

namespace banger::plugins {
namespace {

class PluginConfig : public testing::Test {
protected:
    void SetUp() override { sidecar_ = *read_sidecar(test_plugin("good") + "/good.plugin.json"); }

    [[nodiscard]] sdk::Result<std::string> complete(const std::string& json,
                                                    std::map<std::string, std::string> where = {}) const
    {
        where.emplace("", "/c.toml:1");
        return complete_config(sidecar_, {json, std::move(where)});
    }

    Sidecar sidecar_;
};

TEST_F(PluginConfig, DefaultsAreFilledInAtEveryDepth)
{
    EXPECT_EQ(*complete_config(sidecar_, {}), R"({"misbehave":"no","method":"attach","level":3,"nested":{"depth":7}})");
    EXPECT_EQ(*complete(R"({"level":5})"), R"({"level":5,"misbehave":"no","method":"attach","nested":{"depth":7}})");
    EXPECT_EQ(*complete(R"({"nested":{"depth":1}})"),
              R"({"nested":{"depth":1},"misbehave":"no","method":"attach","level":3})");
}

struct Bad {
    std::string json;
    std::string pointer;
    std::string message;
    std::string hint;
};

TEST_F(PluginConfig, EveryMistakeIsSaidWithItsLine)
{
    const std::vector<Bad> cases{
        {R"({"levle":5})", "/levle", "/c.toml:2: there is no setting 'levle' in [plugin.good]",
         "did you mean 'level'?"},
        {R"({"nested":{"dept":5}})", "/nested/dept", "/c.toml:2: there is no setting 'dept' in [plugin.good]",
         "did you mean 'depth'?"},
        {R"({"level":"5"})", "/level", "/c.toml:2: level in [plugin.good] cannot be \"5\": it must be of type integer",
         "a number"},
        {R"({"level":0})", "/level", "/c.toml:2: level in [plugin.good] cannot be 0: it must be at least 1",
         "a number"},
        {R"({"level":10})", "/level", "/c.toml:2: level in [plugin.good] cannot be 10: it must be at most 9",
         "a number"},
        {R"({"misbehave":"hagn"})", "/misbehave",
         "/c.toml:2: misbehave in [plugin.good] cannot be \"hagn\": it is one of no, throw, throw-odd, fail, hang, "
         "wait, "
         "slow-progress, fault, abort, overflow, exit",
         "did you mean 'hang'?"},
        {R"({"method":""})", "/method",
         "/c.toml:2: method in [plugin.good] cannot be \"\": it must have at least 1 characters", "in which method"},
        {R"({"method":"A"})", "/method",
         "/c.toml:2: method in [plugin.good] cannot be \"A\": it must match the pattern \"^[a-z_]*$\"",
         "in which method"},
        {R"({"nested":7})", "/nested", "/c.toml:2: nested in [plugin.good] cannot be 7: it must be of type object",
         "an object"},
    };
    for (const auto& [json, pointer, message, hint] : cases) {
        const auto result = complete(json, {{pointer, "/c.toml:2"}});
        ASSERT_FALSE(result) << json;
        EXPECT_EQ(result.error().code, sdk::Code::invalid);
        EXPECT_EQ(result.error().message, message);
        EXPECT_EQ(result.error().hint, hint);
    }
}

TEST_F(PluginConfig, AWrongDefaultIsThePluginsFault)
{
    sidecar_.config_schema = R"({"type":"object","properties":{"a":{"type":"integer","default":"x"}}})";
    const auto result = complete("{}");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, sdk::Code::plugin);
    EXPECT_EQ(result.error().message,
              "plugin 'good' has a wrong default: a in [plugin.good] cannot be \"x\": it must be "
              "of type integer");
}

TEST_F(PluginConfig, PatternsAreThoseOfEcmaScript)
{
    sidecar_.config_schema = R"({"type":"object","properties":{"a":{"type":"string","pattern":"^(|on|off)$"}}})";
    EXPECT_TRUE(complete(R"({"a":""})"));
    EXPECT_TRUE(complete(R"({"a":"off"})"));
    EXPECT_EQ(complete(R"({"a":"of"})").error().code, sdk::Code::invalid);
}

TEST_F(PluginConfig, APluginWithoutSettingsSaysSo)
{
    sidecar_.config_schema = R"({"type":"object","additionalProperties":false})";
    EXPECT_EQ(*complete_config(sidecar_, {}), "{}");
    EXPECT_EQ(complete(R"({"a":1})").error().hint, "this plugin has no settings");
}

}  // namespace
}  // namespace banger::plugins
