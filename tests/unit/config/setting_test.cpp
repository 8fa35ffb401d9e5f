// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/config/setting.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace banger::config {
namespace {

constexpr HostFacts roomy_host{8, 24'000};

// What `config set` writes: the first way that has no problem.
std::string set(const std::string& text, const std::string& key, const std::string& value)
{
    auto ways = ways_to_set(text, "/c.toml", key, value);
    if (!ways)
        return "error: " + ways.error().message;
    for (const auto& way : *ways)
        if (find_problems(way, "/c.toml", roomy_host).empty())
            return way;
    return "wrong: " + ways->front();
}

struct Edit {
    const char* name;
    std::string before;
    std::string key;
    std::string value;
    std::string after;
};

void PrintTo(const Edit& edit, std::ostream* out)
{
    *out << edit.name;
}

class EditTest : public testing::TestWithParam<Edit> {};

TEST_P(EditTest, ChangesTheSettingAndNoOtherByte)
{
    const auto& edit = GetParam();
    EXPECT_EQ(set(edit.before, edit.key, edit.value), edit.after);
    // Once more changes nothing.
    EXPECT_EQ(set(edit.after, edit.key, edit.value), edit.after);
}

INSTANTIATE_TEST_SUITE_P(
    Replaced, EditTest,
    testing::Values(
        Edit{"number", "[vm_defaults]\nvcpu = 1 # one\n", "vm_defaults.vcpu", "2", "[vm_defaults]\nvcpu = 2 # one\n"},
        Edit{"odd_blanks", "  [ vm_defaults ]   # x\n\tvcpu=1\t\t# one\n\n\n", "vm_defaults.vcpu", "2",
             "  [ vm_defaults ]   # x\n\tvcpu=2\t\t# one\n\n\n"},
        Edit{"text_for_text", "[vm_defaults]\nimage = 'a' # b\n", "vm_defaults.image", "c \"d\" \\",
             "[vm_defaults]\nimage = \"c \\\"d\\\" \\\\\" # b\n"},
        Edit{"number_for_text", "[vm_defaults]\nmemory = \"1G\"\n", "vm_defaults.memory", "512",
             "[vm_defaults]\nmemory = 512\n"},
        Edit{"text_for_number", "[vm_defaults]\nmemory = 512\n", "vm_defaults.memory", "2G",
             "[vm_defaults]\nmemory = \"2G\"\n"},
        Edit{"disk_is_text", "[vm_defaults]\ndisk = \"1G\"\n", "vm_defaults.disk", "8589934592",
             "[vm_defaults]\ndisk = \"8589934592\"\n"},
        Edit{"several_lines", "[vm_defaults]\nimage = \"\"\"a\nb\"\"\" # c\nvcpu = 1\n", "vm_defaults.image", "x",
             "[vm_defaults]\nimage = \"x\" # c\nvcpu = 1\n"},
        Edit{"after_umlauts", "[vm_defaults]\nimage = \"äöü €\"\nvcpu = 1 # ä\n", "vm_defaults.vcpu", "2",
             "[vm_defaults]\nimage = \"äöü €\"\nvcpu = 2 # ä\n"},
        Edit{"behind_umlauts", "vm_defaults = { image = \"äöü €\", vcpu = 1 } # ä\n", "vm_defaults.vcpu", "2",
             "vm_defaults = { image = \"äöü €\", vcpu = 2 } # ä\n"},
        Edit{"umlauts_themselves", "[vm_defaults]\nimage = \"äöü\" # é\n", "vm_defaults.image", "ß",
             "[vm_defaults]\nimage = \"ß\" # é\n"},
        Edit{"dotted", "vm_defaults.vcpu = 1\nvm_defaults.image = \"a\"\n", "vm_defaults.vcpu", "3",
             "vm_defaults.vcpu = 3\nvm_defaults.image = \"a\"\n"},
        Edit{"windows", "[vm_defaults]\r\nvcpu = 1\r\n", "vm_defaults.vcpu", "2", "[vm_defaults]\r\nvcpu = 2\r\n"},
        Edit{"without_last_newline", "[vm_defaults]\nvcpu = 1", "vm_defaults.vcpu", "2", "[vm_defaults]\nvcpu = 2"},
        Edit{"byte_order_mark", "\xef\xbb\xbfvm_defaults.vcpu = 1\n", "vm_defaults.vcpu", "2",
             "\xef\xbb\xbfvm_defaults.vcpu = 2\n"},
        Edit{"plugin", "[plugin.vmm-qemu]\naccelerator = \"kvm\"\n", "plugin.vmm-qemu.accelerator", "tcg",
             "[plugin.vmm-qemu]\naccelerator = \"tcg\"\n"}),
    [](const auto& one) { return one.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Added, EditTest,
    testing::Values(
        Edit{"to_nothing", "", "vm_defaults.vcpu", "2", "[vm_defaults]\nvcpu = 2\n"},
        Edit{"to_remarks", "# nothing here", "vm_defaults.vcpu", "2", "# nothing here\n\n[vm_defaults]\nvcpu = 2\n"},
        Edit{"to_its_table", "[vm_defaults]\nimage = \"a\" # why\n\n# daemon\n[daemon]\nworkers = 4\n",
             "vm_defaults.vcpu", "2",
             "[vm_defaults]\nimage = \"a\" # why\nvcpu = 2\n\n# daemon\n[daemon]\nworkers = 4\n"},
        Edit{"indented_as_its_neighbours", "[vm_defaults]\n    image = \"a\"\n", "vm_defaults.vcpu", "2",
             "[vm_defaults]\n    image = \"a\"\n    vcpu = 2\n"},
        Edit{"to_an_empty_table", "[vm_defaults] # x\n[daemon]\n", "vm_defaults.vcpu", "2",
             "[vm_defaults] # x\nvcpu = 2\n[daemon]\n"},
        Edit{"behind_several_lines", "[vm_defaults]\nimage = \"\"\"a\nb\"\"\"\n[daemon]\n", "vm_defaults.vcpu", "2",
             "[vm_defaults]\nimage = \"\"\"a\nb\"\"\"\nvcpu = 2\n[daemon]\n"},
        Edit{"to_a_table_at_the_end", "[vm_defaults]\nimage = \"a\"", "vm_defaults.vcpu", "2",
             "[vm_defaults]\nimage = \"a\"\nvcpu = 2\n"},
        Edit{"to_a_dotted_table", "vm_defaults.image = \"a\"\n[daemon]\nworkers = 4\n", "vm_defaults.vcpu", "2",
             "vm_defaults.image = \"a\"\nvm_defaults.vcpu = 2\n[daemon]\nworkers = 4\n"},
        Edit{"to_an_inline_table", "vm_defaults = { image = \"ä\" } # x\n", "vm_defaults.vcpu", "2",
             "vm_defaults = { image = \"ä\", vcpu = 2 } # x\n"},
        Edit{"to_an_empty_inline_table", "vm_defaults = {} # x\n", "vm_defaults.vcpu", "2",
             "vm_defaults = { vcpu = 2 } # x\n"},
        Edit{"a_new_table", "[daemon]\nworkers = 4\n", "vm_defaults.vcpu", "2",
             "[daemon]\nworkers = 4\n\n[vm_defaults]\nvcpu = 2\n"},
        Edit{"windows", "[vm_defaults]\r\nimage = \"a\"\r\n", "vm_defaults.vcpu", "2",
             "[vm_defaults]\r\nimage = \"a\"\r\nvcpu = 2\r\n"},
        Edit{"a_plugin", "[plugin.net-user]\npasst = \"/x\"\n", "plugin.vmm-qemu.accelerator", "tcg",
             "[plugin.net-user]\npasst = \"/x\"\n\n[plugin.vmm-qemu]\naccelerator = \"tcg\"\n"},
        Edit{"a_plugins_table", "[plugin.x]\na = 1\n[plugin.x.deep]\nb = 1\n", "plugin.x.c", "true",
             "[plugin.x]\na = 1\nc = true\n[plugin.x.deep]\nb = 1\n"},
        Edit{"a_plugins_deep_setting", "[plugin.x]\na = 1\n", "plugin.x.deep.b", "[1, 2]",
             "[plugin.x]\na = 1\n\n[plugin.x.deep]\nb = [1, 2]\n"}),
    [](const auto& one) { return one.param.name; });

TEST(Setting, WhatIsNoTomlIsLeftAlone)
{
    EXPECT_EQ(ways_to_set("[vm_defaults\n", "/c.toml", "vm_defaults.vcpu", "2").error().code, sdk::Code::invalid);
    EXPECT_EQ(ways_to_set("", "/c.toml", "vm_defaults.image", "\xff\xfe").error().code, sdk::Code::invalid);
    // An inline table cannot be added to from outside (toml.io, "Inline Table").
    EXPECT_EQ(ways_to_set("plugin = { x = 1 }\n", "/c.toml", "plugin.y.z", "1").error().code, sdk::Code::unsupported);
    EXPECT_EQ(ways_to_set("vm_defaults = 3\n", "/c.toml", "vm_defaults.vcpu", "2").error().code, sdk::Code::unsupported);
}

TEST(Setting, AValueIsNothingButAValue)
{
    // What would be a remark, another setting or a table is a text.
    for (const std::string value : {"1 # x", "1\nvcpu = 2", "\"a\" # b", "a\n[daemon]", "x = 1", "# c"}) {
        const auto ways = ways_to_set("", "/c.toml", "plugin.x.y", value);
        ASSERT_TRUE(ways) << value;
        ASSERT_EQ(ways->size(), 1U) << value << ": " << ways->front();
        const auto setting = find_setting(*parse(ways->front(), "/c.toml", roomy_host), "plugin.x.y");
        ASSERT_TRUE(setting);
        EXPECT_EQ(setting->text, value);
    }
}

TEST(Setting, NamesAreThoseOfTheFileOrOfConfigShow)
{
    EXPECT_EQ(*check_key("vm_defaults.memory"), "vm_defaults.memory");
    EXPECT_EQ(*check_key("vm_defaults.memory_mib"), "vm_defaults.memory");
    EXPECT_EQ(*check_key("daemon.plugin_deadline_ms"), "daemon.plugin_deadline");
    EXPECT_EQ(*check_key("plugin.vmm-qemu.accelerator"), "plugin.vmm-qemu.accelerator");
    EXPECT_EQ(check_key("vm_default.vcpu").error().hint, "did you mean 'vm_defaults.vcpu'?");
    EXPECT_EQ(check_key("vcpu").error().hint, "did you mean 'vm_defaults.vcpu'?");
    EXPECT_EQ(check_key("zzz").error().hint, "`banger config show` lists the settings");
    for (const char* bad : {"plugin", "plugin.x", "plugin..y", "plugin.x.", "plugin.x.a b", "plugin.x.a/b", ""})
        EXPECT_EQ(check_key(bad).error().code, sdk::Code::invalid) << bad;
}

TEST(Setting, EveryOneCanBeShownAndSetAgainToWhatIsShown)
{
    const auto config = *parse("[vm_defaults]\nmemory = \"1G\"\n[daemon]\nplugin_deadline = \"90s\"\n", "/c.toml", roomy_host);
    for (const auto& key : known_keys()) {
        const auto setting = find_setting(config, key);
        ASSERT_TRUE(setting) << key;
        EXPECT_EQ(setting->key, key);
        const auto text = set("", key, setting->text);
        EXPECT_FALSE(text.starts_with("wrong") || text.starts_with("error")) << key << ": " << text;
        const auto again = find_setting(*parse(text, "/c.toml", roomy_host), key);
        EXPECT_EQ(again->text, setting->text) << key;
        EXPECT_EQ(again->json, setting->json) << key;
    }
    EXPECT_EQ(find_setting(config, "vm_defaults.memory")->text, "1024");
    EXPECT_EQ(find_setting(config, "vm_defaults.memory")->where, "/c.toml:2");
    EXPECT_EQ(find_setting(config, "vm_defaults.disk")->text, "8G");
    EXPECT_EQ(find_setting(config, "vm_defaults.disk")->json, "8589934592");
    EXPECT_EQ(find_setting(config, "daemon.plugin_deadline")->text, "90s");
    EXPECT_EQ(find_setting(config, "daemon.auto_stop_stale_after")->text, "0");
}

TEST(Setting, OfAPluginOnlyWhatTheFileHas)
{
    const auto config = *parse("[plugin.x]\na = [1, \"b\"]\n[plugin.x.deep]\nb = \"c\"\n", "/c.toml", roomy_host);
    EXPECT_EQ(find_setting(config, "plugin.x.a")->text, "[1,\"b\"]");
    EXPECT_EQ(find_setting(config, "plugin.x.deep.b")->text, "c");
    EXPECT_EQ(find_setting(config, "plugin.x.deep.b")->json, "\"c\"");
    EXPECT_EQ(find_setting(config, "plugin.x.deep.b")->where, "/c.toml:4");
    EXPECT_EQ(find_setting(config, "plugin.x.z").error().code, sdk::Code::not_found);
    EXPECT_EQ(find_setting(config, "plugin.y.z").error().code, sdk::Code::not_found);
}

}  // namespace
}  // namespace banger::config
