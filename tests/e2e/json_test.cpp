// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What the real daemon answers has the members that the golden files promise to programs (docs/json.md). Those files
// come from a daemon without machines; this is what keeps that one honest.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

// BANGER_TEST_GOLDEN where the tests run without their source.
std::string golden_directory()
{
    const char* named = std::getenv("BANGER_TEST_GOLDEN");
    return named != nullptr ? named : BANGER_GOLDEN_DIR;
}

// Members of a provider's choice (docs/json.md): only the map itself is promised.
bool is_free(const std::string& key)
{
    return key == "facts" || key == "bound";
}

// "disks[].role" of every member, in depth, of an array's first element.
void collect(const json::Value& value, const std::string& path, std::set<std::string>& into)
{
    if (value.IsArray() && !value.Empty())
        collect(value[0], path + "[]", into);
    if (!value.IsObject())
        return;
    for (const auto& member : value.GetObject()) {
        const std::string key = member.name.GetString();
        const std::string here = path + (path.empty() ? "" : ".") + key;
        into.insert(here);
        if (!is_free(key))
            collect(member.value, here, into);
    }
}

std::set<std::string> members_of(const json::Value& value)
{
    std::set<std::string> members;
    collect(value, "", members);
    return members;
}

// The JSON of a golden file, which ends where the transcript goes on.
json::Document golden(const std::string& name)
{
    auto text = sdk::os::read_file(golden_directory() + "/" + name + ".json.txt");
    EXPECT_TRUE(text) << text.error().message;
    if (!text)
        return {};
    auto parsed = json::parse(text->substr(0, text->find("\n---- ") + 1), name);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return parsed ? std::move(*parsed) : json::Document();
}

void expect_golden_of(const Installation& host, const std::string& name, const std::vector<std::string>& call)
{
    auto with_format = call;
    with_format.insert(with_format.begin(), {"-o", "json"});
    const auto called = host.banger(with_format);  // the status is what was found, for doctor and audit
    auto answer = json::parse(called.out, name);
    ASSERT_TRUE(answer) << name << ": " << called.out << called.err;
    EXPECT_EQ(members_of(*answer), members_of(golden(name))) << name;
}

class JsonContract : public ::testing::Test {
protected:
    void expect_golden(const std::string& name, const std::vector<std::string>& call) const
    {
        expect_golden_of(host_, name, call);
    }

    const Installation host_{"\n[backends]\nvmm = \"null\"\n"};
};

TEST_F(JsonContract, OfMachines)
{
    expect_golden("vm_create", {"vm", "create", "--name", "web"});
    expect_golden("vm_list", {"vm", "list"});
    expect_golden("vm_show", {"vm", "show", "web"});
    expect_golden("vm_show_handles", {"vm", "show", "web", "--handles"});
    expect_golden("vm_stop", {"vm", "stop", "web"});
    expect_golden("vm_set", {"vm", "set", "web", "--memory", "640"});
    expect_golden("vm_health_stopped", {"vm", "health", "web"});
    expect_golden("vm_stats_stopped", {"vm", "stats", "web"});
    expect_golden("vm_prune_dry", {"vm", "prune", "--dry-run"});
    expect_golden("vm_restart_one", {"vm", "restart", "web"});
    expect_golden("vm_stop", {"vm", "stop", "web"});
    expect_golden("vm_start", {"vm", "start", "web"});
    expect_golden("vm_kill", {"vm", "kill", "web"});
    expect_golden("vm_delete", {"vm", "delete", "-f", "web"});
}

// What guests say of themselves needs one.
TEST_F(JsonContract, OfGuests)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "web", "--ready", "agent"}).status, 0);
    expect_golden_of(host, "vm_stats_one", {"vm", "stats", "web"});
    expect_golden_of(host, "vm_health", {"vm", "health", "web"});
    expect_golden_of(host, "vm_session_start", {"vm", "session", "start", "web", "--", "sleep", "1000"});
    expect_golden_of(host, "vm_session_list", {"vm", "session", "list"});
    expect_golden_of(host, "vm_session_show", {"vm", "session", "show", "web", "sleep"});

    const std::string repository = host.home() + "/shop";
    sdk::os::Command make;
    make.argv = {"sh", "-ec", "git init -q \"$0\"; cd \"$0\"; echo one >file; git add file; "
                              "git -c user.name=a -c user.email=a@b commit -qm one", repository};
    ASSERT_TRUE(sdk::os::run_checked(make));
    expect_golden_of(host, "workspace_prepare_plan", {"vm", "workspace", "prepare", "--dry-run", "web", repository});
    expect_golden_of(host, "workspace_prepare", {"vm", "workspace", "prepare", "web", repository});
    ASSERT_EQ(host.banger({"vm", "exec", "web", "--", "sh", "-c", "echo two >repo/file"}).status, 0);
    expect_golden_of(host, "workspace_status", {"vm", "workspace", "status", "web"});
    expect_golden_of(host, "workspace_export_output",
                     {"vm", "workspace", "export", "--output", host.home() + "/patch", "web"});
    ASSERT_TRUE(sdk::os::write_file_atomic(repository + "/file", "three\n", 0644));
    expect_golden_of(host, "workspace_sync", {"vm", "workspace", "sync", "web", repository});
}

TEST_F(JsonContract, OfRecovery)
{
    expect_golden("daemon_start", {"daemon", "start"});
    ASSERT_EQ(host_.banger({"vm", "create", "--no-start", "--name", "web"}).status, 0);
    host_.stop_daemon();
    for (const char* part : {"", "-wal", "-shm"})
        (void)sdk::os::remove_file(host_.home() + "/state/banger.db" + part);
    ASSERT_TRUE(sdk::os::make_private_directory(host_.vms() + "/aaaabbbbcccc"));
    ASSERT_TRUE(sdk::os::write_file_atomic(host_.vms() + "/aaaabbbbcccc/record.json", "{"));
    expect_golden("vm_recover", {"vm", "recover"});
    ASSERT_TRUE(sdk::os::remove_tree(host_.vms() + "/aaaabbbbcccc"));
}

TEST_F(JsonContract, OfImagesAndKernels)
{
    expect_golden("image_pull", {"image", "pull", "debian-bookworm-minimal"});
    expect_golden("kernel_pull", {"kernel", "pull", "debian-cloud"});
    expect_golden("image_list", {"image", "list"});
    expect_golden("image_show", {"image", "show", "debian-bookworm-minimal"});
    expect_golden("kernel_list", {"kernel", "list"});
    expect_golden("kernel_show", {"kernel", "show", "debian-cloud"});
    expect_golden("kernel_delete", {"kernel", "delete", "debian-cloud"});
    expect_golden("image_delete", {"image", "delete", "debian-bookworm-minimal"});
}

TEST_F(JsonContract, OfTheHost)
{
    expect_golden("plugin_list", {"plugin", "list"});
    expect_golden("plugin_show", {"plugin", "show", "vmm-qemu"});
    expect_golden("config_show", {"config", "show"});
    expect_golden("config_path", {"config", "path"});
    expect_golden("config_get", {"config", "get", "vm_defaults.disk"});
    expect_golden("config_set", {"config", "set", "vm_defaults.image", "debian-bookworm-minimal"});
    expect_golden("config_validate", {"config", "validate"});
    expect_golden("doctor", {"doctor"});
    expect_golden("daemon_status", {"daemon", "status"});
    expect_golden("version", {"version"});
    expect_golden("daemon_stop", {"daemon", "stop"});
}

TEST_F(JsonContract, OfWhatAnAuditFinds)
{
    ASSERT_EQ(host_.banger({"vm", "list"}).status, 0);
    const std::string stray = host_.vms() + "/0123456789ab";  // a VM's directory, and no row in the database
    ASSERT_TRUE(sdk::os::make_private_directory(stray));
    expect_golden("audit", {"audit"});
    ASSERT_TRUE(sdk::os::remove_tree(stray));
    expect_clean(host_);
}

}  // namespace
}  // namespace banger::e2e
