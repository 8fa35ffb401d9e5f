// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/config/config.hpp"

#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <unistd.h>

#include <fstream>

#include "banger/sdk/testing/fake_host.hpp"
#include "core/config/file_sync.hpp"

namespace banger::config {
namespace {

using namespace std::chrono_literals;

constexpr HostFacts host{8, 24'000};

sdk::Result<Config> read(const std::string& text)
{
    return parse(text, "/c.toml", host);
}

TEST(Config, DefaultsComeFromTheHost)
{
    const Config config = defaults(host);
    EXPECT_EQ(config.vm_defaults.vcpu.value, 2U);
    EXPECT_EQ(config.vm_defaults.vcpu.origin, Origin::host);
    EXPECT_EQ(config.vm_defaults.vcpu.where, "8 CPUs");
    EXPECT_EQ(config.vm_defaults.memory_mib.value, 3000U);
    EXPECT_EQ(config.vm_defaults.disk_bytes.value, 8ULL << 30U);
    EXPECT_EQ(config.vm_defaults.disk_bytes.origin, Origin::built_in);
    EXPECT_EQ(config.vm_defaults.image.value, "debian-bookworm");
    EXPECT_EQ(config.backends.vmm.value, "auto");
}

TEST(Config, EveryKeyIsRead)
{
    const auto config = read(R"(
[vm_defaults]
vcpu = 3
memory = "2G"
disk = "16GiB"
image = "debian-bookworm-minimal"
kernel = "debian-cloud"
egress = "none"
ready = "agent"
init = "banger"
git_identity = false

[backends]
vmm = "qemu"
storage = "file"
network = "user"

[daemon]
workers = 4
plugin_deadline = "90s"
boot_timeout = "45s"
auto_stop_stale_after = "8h"
ssh_key_path = "~/.ssh/id_ed25519"

[plugin.vmm-qemu]
accelerator = "tcg"
)");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_TRUE(config->file_read);
    EXPECT_EQ(config->vm_defaults.vcpu.value, 3U);
    EXPECT_EQ(config->vm_defaults.vcpu.origin, Origin::file);
    EXPECT_EQ(config->vm_defaults.vcpu.where, "/c.toml:3");
    EXPECT_EQ(config->vm_defaults.memory_mib.value, 2048U);
    EXPECT_EQ(config->vm_defaults.disk_bytes.value, 16ULL << 30U);
    EXPECT_EQ(config->vm_defaults.image.value, "debian-bookworm-minimal");
    EXPECT_EQ(config->vm_defaults.kernel.value, "debian-cloud");
    EXPECT_EQ(config->vm_defaults.egress.value, "none");
    EXPECT_EQ(config->vm_defaults.ready.value, "agent");
    EXPECT_EQ(config->vm_defaults.init.value, "banger");
    EXPECT_FALSE(config->vm_defaults.git_identity.value);
    EXPECT_EQ(config->backends.vmm.value, "qemu");
    EXPECT_EQ(config->backends.storage.value, "file");
    EXPECT_EQ(config->backends.network.value, "user");
    EXPECT_EQ(config->backends.network.where, "/c.toml:16");
    EXPECT_EQ(config->daemon.workers.value, 4U);
    EXPECT_EQ(config->daemon.plugin_deadline.value, 90s);
    EXPECT_EQ(config->plugins.at("vmm-qemu").json, R"({"accelerator":"tcg"})");
    EXPECT_EQ(config->daemon.boot_timeout.value, 45s);
    EXPECT_EQ(config->daemon.auto_stop_stale_after.value, 8h);
    EXPECT_EQ(config->daemon.ssh_key_path.value, "~/.ssh/id_ed25519");
    EXPECT_EQ(config->plugins.at("vmm-qemu").where.at(""), "/c.toml:25");
    EXPECT_EQ(config->plugins.at("vmm-qemu").where.at("/accelerator"), "/c.toml:26");
}

TEST(Config, MemoryIsMibOrASize)
{
    EXPECT_EQ(read("[vm_defaults]\nmemory = 512")->vm_defaults.memory_mib.value, 512U);
    EXPECT_EQ(read("[vm_defaults]\nmemory = \"512\"")->vm_defaults.memory_mib.value, 512U);
    EXPECT_EQ(read("[vm_defaults]\nmemory = \"512MiB\"")->vm_defaults.memory_mib.value, 512U);
}

TEST(Config, PluginSectionsKeepEveryKindOfValue)
{
    const auto config = read(R"([plugin.x]
"a/b~c" = [1, 2.5, true, "é\u0000\"", {deep = "x"}]
)");
    ASSERT_TRUE(config) << config.error().message;
    const auto& section = config->plugins.at("x");
    EXPECT_EQ(section.json, "{\"a/b~c\":[1,2.5,true,\"é\\u0000\\\"\",{\"deep\":\"x\"}]}");
    EXPECT_EQ(section.where.at("/a~1b~0c/4/deep"), "/c.toml:2");
}

TEST(Config, FileSyncIsReadAsItIsMeant)
{
    const auto config = read(R"([[file_sync]]
host = "~/.netrc"
guest = "~//./.netrc"

[[file_sync]]
host = "/etc/tool"
guest = "/root/.config/tool/"
mode = 0o640

[[file_sync]]
host = "~/dots"
guest = "~/"
mode = "700"
)");
    ASSERT_TRUE(config) << config.error().message;
    ASSERT_EQ(config->file_sync.size(), 3U);
    EXPECT_EQ(config->file_sync[0].host.value, "~/.netrc");
    EXPECT_EQ(config->file_sync[0].host.where, "/c.toml:2");
    EXPECT_EQ(config->file_sync[0].guest.value, "/root/.netrc");
    EXPECT_EQ(config->file_sync[0].mode.value, "");
    EXPECT_EQ(config->file_sync[1].guest.value, "/root/.config/tool");
    EXPECT_EQ(config->file_sync[1].mode.value, "0640");
    EXPECT_EQ(config->file_sync[1].mode.where, "/c.toml:8");
    EXPECT_EQ(config->file_sync[2].guest.value, "/root");
    EXPECT_EQ(config->file_sync[2].mode.value, "0700");
    const auto section = file_sync_section(*config);
    EXPECT_EQ(section.json, R"({"files":[{"host":"~/.netrc","guest":"/root/.netrc"},)"
                            R"({"host":"/etc/tool","guest":"/root/.config/tool","mode":"0640"},)"
                            R"({"host":"~/dots","guest":"/root","mode":"0700"}],"git_identity":true})");
    EXPECT_EQ(section.where.at(""), "/c.toml:2");
}

TEST(Config, AFlagOverridesAnything)
{
    auto config = *read("[vm_defaults]\nvcpu = 3");
    config.vm_defaults.vcpu.set_by_flag(1, "--vcpu");
    EXPECT_EQ(config.vm_defaults.vcpu.value, 1U);
    EXPECT_EQ(to_string(config.vm_defaults.vcpu.origin), "flag");
    EXPECT_EQ(config.vm_defaults.vcpu.where, "--vcpu");
}

struct Bad {
    std::string text;
    std::string message;
    std::string hint;
};

class BadConfig : public testing::TestWithParam<Bad> {};

TEST_P(BadConfig, IsSaidWithFileLineAndWhatWasMeant)
{
    const auto config = read(GetParam().text);
    ASSERT_FALSE(config) << GetParam().text;
    EXPECT_EQ(config.error().code, sdk::Code::invalid);
    EXPECT_EQ(config.error().message, GetParam().message);
    EXPECT_EQ(config.error().hint, GetParam().hint);
}

const std::string vm = "[vm_defaults]\n";

INSTANTIATE_TEST_SUITE_P(
    Keys, BadConfig,
    testing::Values(
        Bad{"[vm_default]\n", "/c.toml:1: there is no setting [vm_default]", "did you mean [vm_defaults]?"},
        Bad{"[zzz]\n", "/c.toml:1: there is no setting [zzz]",
            "known: [vm_defaults], [backends], [daemon], [workspace], [tooling], [[file_sync]], [plugin.ID]"},
        Bad{"[tooling]\nmise_url = \"https://example.org/mise\"\n",
            "/c.toml:2: mise_url in [tooling] needs mise_sha256 beside it", "sha256sum prints the digest of a file"},
        Bad{"[daemon]\nssh_key_path = \"key\"\n",
            "/c.toml:2: ssh_key_path in [daemon] cannot be 'key': it is no absolute path", "write ~/... for what is in your home"},
        Bad{"[tooling]\nmise_sha256 = \"ABC\"\n",
            "/c.toml:2: mise_sha256 in [tooling] must be 64 hex digits in small letters", "sha256sum prints them"},
        Bad{"[tooling]\nmise_sha256 = \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"\n",
            "/c.toml:2: mise_sha256 in [tooling] says nothing without mise_url",
            "sha256sum prints the digest of a file"},
        Bad{"[[filesync]]\n", "/c.toml:1: there is no setting [filesync]", "did you mean [[file_sync]]?"},
        Bad{"\nvcpu = 2\n", "/c.toml:2: there is no setting 'vcpu' at the top", "it belongs under [vm_defaults]"},
        Bad{"vm_defaults = 3\n", "/c.toml:1: [vm_defaults] must be a table, not a whole number", ""},
        Bad{vm + "vcpus = 2\n", "/c.toml:2: there is no setting 'vcpus' in [vm_defaults]", "did you mean 'vcpu'?"},
        Bad{vm + "qqq = 2\n", "/c.toml:2: there is no setting 'qqq' in [vm_defaults]",
            "known: vcpu, memory, disk, image, kernel, egress, ready, init, publish, git_identity"},
        Bad{"[backends]\nvm = \"qemu\"\n", "/c.toml:2: there is no setting 'vm' in [backends]",
            "did you mean 'vmm'?"},
        Bad{"plugin = 1\n",
            "/c.toml:1: [plugin] must be a table of tables, such as [plugin.vmm-qemu], not a whole number", ""},
        Bad{"[plugin]\nvmm-qemu = \"x\"\n",
            "/c.toml:2: plugin.vmm-qemu must be a table, [plugin.vmm-qemu], not a string", ""}));

INSTANTIATE_TEST_SUITE_P(
    Values, BadConfig,
    testing::Values(
        Bad{vm + "vcpu = \"2\"\n", "/c.toml:2: vcpu in [vm_defaults] must be a whole number, not a string", ""},
        Bad{vm + "vcpu = 0\n", "/c.toml:2: vcpu in [vm_defaults] cannot be 0: it must be 1 to 32 on this host",
            "this host has 8 CPUs"},
        Bad{vm + "vcpu = -1\n", "/c.toml:2: vcpu in [vm_defaults] cannot be -1: it must be 1 to 32 on this host",
            "this host has 8 CPUs"},
        Bad{vm + "memory = true\n",
            "/c.toml:2: memory in [vm_defaults] must be a whole number of MiB or a size such as \"2G\", not true or "
            "false",
            ""},
        Bad{vm + "memory = 1\n",
            "/c.toml:2: memory in [vm_defaults] cannot be 1 MiB: it must be 128 to 24000 MiB on this host",
            "a number alone is MiB; 2G is 2048 MiB"},
        Bad{vm + "memory = \"much\"\n", "/c.toml:2: memory in [vm_defaults] cannot be 'much': that is no size",
            "write a size such as 512M or 8G; a number alone is MiB"},
        Bad{vm + "memory = \"300000001k\"\n", "/c.toml:2: memory in [vm_defaults] must be whole MiB", ""},
        Bad{vm + "disk = 8\n", "/c.toml:2: disk in [vm_defaults] must be a size such as \"8G\", not a whole number",
            ""},
        Bad{vm + "disk = \"8\"\n", "/c.toml:2: disk in [vm_defaults] cannot be 8 bytes: it must be 1 GiB to 16 TiB",
            "a number alone is bytes; write 8G for 8 GiB"},
        Bad{vm + "disk = \"8X\"\n", "/c.toml:2: disk in [vm_defaults] cannot be '8X': there is no unit 'X'",
            "write a size such as 512M or 8G; a number alone is bytes"},
        Bad{vm + "image = 3\n", "/c.toml:2: image in [vm_defaults] must be a string, not a whole number", ""},
        Bad{vm + "egress = \"intrenet\"\n",
            "/c.toml:2: egress in [vm_defaults] cannot be 'intrenet': it is one of none, internet, all",
            "did you mean 'internet'?"},
        Bad{vm + "ready = \"ssh\"\n",
            "/c.toml:2: ready in [vm_defaults] cannot be 'ssh': it is one of auto, agent, system",
            "known: auto, agent, system"},
        Bad{"[backends]\nvmm = \"\"\n", "/c.toml:2: vmm in [backends] cannot be empty",
            "write \"auto\" or a provider's name"},
        Bad{"[backends]\nvmm = [1]\n", "/c.toml:2: vmm in [backends] must be a string, not an array", ""},
        Bad{"[images]\nmost_entries = 60000001\n",
            "/c.toml:2: most_entries in [images] cannot be 60000001: it must be 1 to 60000000", ""},
        Bad{"[images]\nmost_bytes = \"2048G\"\n",
            "/c.toml:2: most_bytes in [images] must be at most 1099511627776 bytes", ""},
        Bad{"[daemon]\nworkers = 0\n", "/c.toml:2: workers in [daemon] cannot be 0: it must be 1 to 256", ""},
        Bad{"[daemon]\nplugin_deadline = \"1ms\"\n",
            "/c.toml:2: plugin_deadline in [daemon] cannot be '1ms': it must be at least 1 s", ""},
        Bad{"[daemon]\nauto_stop_stale_after = \"10ms\"\n",
            "/c.toml:2: auto_stop_stale_after in [daemon] cannot be '10ms': it must be at least 1 s",
            "0 switches it off"},
        Bad{"[daemon]\nplugin_deadline = 1.5\n",
            "/c.toml:2: plugin_deadline in [daemon] must be a time such as \"2m\", not a decimal number", ""},
        Bad{"[plugin.x]\nwhen = 2020-01-01\n", "/c.toml:2: when in [plugin.x] cannot be a date or time",
            "write it as a string"},
        Bad{"[plugin.x]\nf = inf\n", "/c.toml:2: f in [plugin.x] must be a finite number", ""}));

const std::string sync = "[[file_sync]]\nhost = \"~/x\"\n";
const std::string not_below = "it is not below ~/ or /root/";
const std::string below = "a machine's files of yours are in /root, which is ~ there";

INSTANTIATE_TEST_SUITE_P(
    FileSync, BadConfig,
    testing::Values(
        Bad{"file_sync = \"x\"\n", "/c.toml:1: file_sync must be tables of its own, [[file_sync]], not a string", ""},
        Bad{"[file_sync]\nhost = \"~/x\"\n",
            "/c.toml:1: file_sync must be tables of its own, [[file_sync]], not a table", ""},
        Bad{"file_sync = [1]\n",
            "/c.toml:1: file_sync must be tables of its own, [[file_sync]], not a whole number", ""},
        Bad{sync + "gest = \"~/x\"\n", "/c.toml:3: there is no setting 'gest' in [[file_sync]]",
            "did you mean 'guest'?"},
        Bad{sync, "/c.toml:1: [[file_sync]] has no 'guest'",
            "it says what to take, as host, and where it goes, as guest"},
        Bad{"\n[[file_sync]]\nguest = \"~/x\"\n", "/c.toml:2: [[file_sync]] has no 'host'",
            "it says what to take, as host, and where it goes, as guest"},
        Bad{"[[file_sync]]\nhost = \"x\"\n", "/c.toml:2: host in [[file_sync]] cannot be 'x': it is no absolute path",
            "write ~/... for what is in your home"},
        Bad{"[[file_sync]]\nhost = \"~ada/x\"\n",
            "/c.toml:2: host in [[file_sync]] cannot be '~ada/x': it is no absolute path",
            "write ~/... for what is in your home"},
        Bad{"[[file_sync]]\nhost = \"\"\n", "/c.toml:2: host in [[file_sync]] cannot be '': it is empty", ""},
        Bad{"[[file_sync]]\nhost = 1\n", "/c.toml:2: host in [[file_sync]] must be a string, not a whole number", ""},
        Bad{sync + "guest = \"/etc/x\"\n", "/c.toml:3: guest in [[file_sync]] cannot be '/etc/x': " + not_below, below},
        Bad{sync + "guest = \"x\"\n", "/c.toml:3: guest in [[file_sync]] cannot be 'x': " + not_below, below},
        Bad{sync + "guest = \"/rooty/x\"\n", "/c.toml:3: guest in [[file_sync]] cannot be '/rooty/x': " + not_below,
            below},
        Bad{sync + "guest = \"//\"\n", "/c.toml:3: guest in [[file_sync]] cannot be '//': " + not_below, below},
        Bad{sync + "guest = \"~/a/../../etc/x\"\n",
            "/c.toml:3: guest in [[file_sync]] cannot be '~/a/../../etc/x': it has a '..' in it",
            "write the path without it"},
        Bad{sync + "guest = \"~/y\"\nmode = 600\n", "/c.toml:4: mode in [[file_sync]] must be a mode such as \"0600\"",
            "write it in quotes, or as 0o600"},
        Bad{sync + "guest = \"~/y\"\nmode = \"0888\"\n",
            "/c.toml:4: mode in [[file_sync]] cannot be '0888': it is no mode from 0000 to 0777",
            "write octal digits such as \"0600\""},
        Bad{sync + "guest = \"~/y\"\nmode = 0o4755\n",
            "/c.toml:4: mode in [[file_sync]] cannot be '4755': it is no mode from 0000 to 0777",
            "write octal digits such as \"0600\""},
        Bad{sync + "guest = \"~/y\"\n" + sync + "guest = \"/root/y/\"\n",
            "/c.toml:6: guest in [[file_sync]] cannot be '/root/y' again: it is at /c.toml:3 too", ""},
        Bad{vm + "git_identity = \"no\"\n",
            "/c.toml:2: git_identity in [vm_defaults] must be true or false, not a string", ""},
        Bad{"[plugin.file-sync]\nfiles = []\n", "/c.toml:1: there is no setting [plugin.file-sync]",
            "write [[file_sync]] tables, and git_identity in [vm_defaults]"}));

TEST(Config, TextThatIsNoTomlIsSaidWithItsLine)
{
    for (const std::string text : {"[vm_defaults\n", "a = \n", "a = 1\na = 2\n", "x", "\xff\xfe", "a = \"\\q\""}) {
        const auto config = read(text);
        ASSERT_FALSE(config) << text;
        EXPECT_EQ(config.error().code, sdk::Code::invalid);
        EXPECT_EQ(config.error().message.rfind("/c.toml:", 0), 0U) << config.error().message;
    }
}

TEST(Problems, AreAllThereByLine)
{
    const auto problems = find_problems(
        "[vm_defaults]\nvcpu = \"two\"\nmemry = 3\ndisk = \"9X\"\n[plugin.x]\nf = inf\n[zzz]\n[daemon]\nworkers = 0\n",
        "/c.toml", host);
    std::vector<std::uint64_t> lines;
    std::vector<bool> wrong_types;
    for (const auto& problem : problems) {
        lines.push_back(problem.line);
        wrong_types.push_back(problem.wrong_type);
        EXPECT_EQ(line_in(problem.error.message, "/c.toml"), problem.line == 5 ? 6 : problem.line)
            << problem.error.message;
    }
    EXPECT_EQ(lines, (std::vector<std::uint64_t>{2, 3, 4, 5, 7, 9}));
    EXPECT_EQ(wrong_types, (std::vector<bool>{true, false, false, false, false, false}));
    EXPECT_TRUE(find_problems("[vm_defaults]\nvcpu = 2\n", "/c.toml", host).empty());
    EXPECT_TRUE(find_problems("", "/c.toml", host).empty());
}

TEST(Problems, TextThatIsNoTomlIsOneProblem)
{
    const auto problems = find_problems("vcpu = 1\n[vm_defaults\n", "/c.toml", host);
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].line, 2U);
    EXPECT_EQ(line_in("/c.toml:12: x", "/c.toml"), 12U);
    EXPECT_EQ(line_in("elsewhere:12: x", "/c.toml"), 0U);
}

class ConfigFile : public testing::Test {
protected:
    sdk::testing::TemporaryDirectory temporary_;
    const std::string directory_ = temporary_.path();
};

TEST_F(ConfigFile, NoFileIsNoSettings)
{
    const auto config = load(directory_ + "/config.toml", host);
    ASSERT_TRUE(config);
    EXPECT_FALSE(config->file_read);
    EXPECT_EQ(config->file, directory_ + "/config.toml");
}

TEST_F(ConfigFile, IsReadFromDisk)
{
    std::ofstream(directory_ + "/config.toml") << "[vm_defaults]\nvcpu = 1\n";
    const auto config = load(directory_ + "/config.toml", host);
    ASSERT_TRUE(config);
    EXPECT_EQ(config->vm_defaults.vcpu.where, directory_ + "/config.toml:2");
}

TEST_F(ConfigFile, ADirectoryInItsPlaceIsAnError)
{
    const auto config = load(directory_, host);
    ASSERT_FALSE(config);
    EXPECT_NE(config.error().message.find(directory_), std::string::npos);
}

TEST(ConfigJson, HasEveryValueWithItsOrigin)
{
    const auto json = to_json(*read("[vm_defaults]\nvcpu = 3\n[plugin.vmm-qemu]\naccelerator = \"tcg\"\n"
                                    "[[file_sync]]\nhost = \"~/x\"\nguest = \"~/x\"\n"));
    EXPECT_EQ(json, R"({"file":"/c.toml","file_read":true,"vm_defaults":{)"
                    R"("vcpu":{"value":3,"origin":"config","where":"/c.toml:2"},)"
                    R"("memory":{"value":3000,"origin":"host","where":"24000 MiB of memory"},)"
                    R"("disk":{"value":"8G","origin":"built-in","where":""},)"
                    R"("image":{"value":"debian-bookworm","origin":"built-in","where":""},)"
                    R"("kernel":{"value":"","origin":"built-in","where":""},)"
                    R"("egress":{"value":"internet","origin":"built-in","where":""},)"
                    R"("ready":{"value":"auto","origin":"built-in","where":""},)"
                    R"("init":{"value":"auto","origin":"built-in","where":""},)"
                    R"("publish":{"value":"auto","origin":"built-in","where":""},)"
                    R"("git_identity":{"value":true,"origin":"built-in","where":""}},)"
                    R"("backends":{"vmm":{"value":"auto","origin":"built-in","where":""},)"
                    R"("storage":{"value":"auto","origin":"built-in","where":""},)"
                    R"("network":{"value":"auto","origin":"built-in","where":""}},)"
                    R"("daemon":{"workers":{"value":16,"origin":"built-in","where":""},)"
                    R"("plugin_deadline":{"value":"2m","origin":"built-in","where":""},)"
                    R"("boot_timeout":{"value":"2m","origin":"built-in","where":""},)"
                    R"("auto_stop_stale_after":{"value":"0","origin":"built-in","where":""},)"
                    R"("ssh_key_path":{"value":"","origin":"built-in","where":""},)"
                    R"("pause_below":{"value":"512M","origin":"built-in","where":""}},)"
                    R"("workspace":{"depth":{"value":50,"origin":"built-in","where":""},)"
                    R"("tracked_only":{"value":false,"origin":"built-in","where":""}},)"
                    R"("images":{"most_entries":{"value":4000000,"origin":"built-in","where":""},)"
                    R"("most_bytes":{"value":"64G","origin":"built-in","where":""}},)"
                    R"("ports":{"addresses":{"value":"127.86.0.0/16","origin":"built-in","where":""}},)"
                    R"("tooling":{"mise_url":{"value":"","origin":"built-in","where":""},)"
                    R"("mise_sha256":{"value":"","origin":"built-in","where":""}},)"
                    R"("file_sync":{"0":{"host":{"value":"~/x","origin":"config","where":"/c.toml:6"},)"
                    R"("guest":{"value":"/root/x","origin":"config","where":"/c.toml:7"},)"
                    R"("mode":{"value":"","origin":"built-in","where":""}}},)"
                    R"("plugin":{"vmm-qemu":{"accelerator":{"value":"tcg","origin":"config","where":"/c.toml:4"}}}})");
}

bool is_setting(const rapidjson::Value& value)
{
    return value.HasMember("origin") && value["origin"].IsString();  // else a table with a key of that name
}

// One table of what is shown as one of the file.
void add_toml(const rapidjson::Value& table, const std::string& name, std::string& text)
{
    text += "[" + name + "]\n";
    for (const auto& member : table.GetObject()) {
        if (!is_setting(member.value))
            continue;
        rapidjson::StringBuffer value;
        rapidjson::Writer<rapidjson::StringBuffer> writer(value);
        member.value["value"].Accept(writer);
        text += std::string(member.name.GetString()) + " = " + value.GetString() + "\n";
    }
    for (const auto& member : table.GetObject())
        if (!is_setting(member.value))
            add_toml(member.value, name + "." + member.name.GetString(), text);
}

TEST(ConfigJson, WhatIsShownCanBeWrittenIntoTheFile)
{
    const auto config = read("[vm_defaults]\nvcpu = 3\nmemory = \"2G\"\ndisk = \"1.5G\"\negress = \"none\"\n"
                             "[daemon]\nworkers = 9\nplugin_deadline = \"1500ms\"\n"
                             "[plugin.a]\nsome = [1, 2]\nvalue = \"x\"\n[plugin.a.deep]\norigin = true\n");
    ASSERT_TRUE(config) << config.error().message;
    rapidjson::Document shown;
    shown.Parse(to_json(*config).c_str());
    ASSERT_TRUE(shown.IsObject());
    EXPECT_STREQ(shown["plugin"]["a"]["deep"]["origin"]["where"].GetString(), "/c.toml:13");
    std::string text;
    for (const char* table : {"vm_defaults", "backends", "daemon", "plugin"})
        add_toml(shown[table], table, text);
    const auto again = read(text);
    ASSERT_TRUE(again) << again.error().message << "\n" << text;
    EXPECT_EQ(again->vm_defaults.memory_mib.value, 2048U);
    EXPECT_EQ(again->vm_defaults.disk_bytes.value, 3ULL << 29U);
    EXPECT_EQ(again->vm_defaults.egress.value, "none");
    EXPECT_EQ(again->daemon.workers.value, 9U);
    EXPECT_EQ(again->daemon.plugin_deadline.value, std::chrono::milliseconds(1500));
    EXPECT_EQ(again->plugins.at("a").json, config->plugins.at("a").json);
}

}  // namespace
}  // namespace banger::config
