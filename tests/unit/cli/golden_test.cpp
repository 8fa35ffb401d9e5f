// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
//
// Every command's output for people and for programs, against tests/golden. BANGER_ACCEPT=1 writes the files anew from
// what came; such a run is skipped, never passed.
#include <cstdlib>

#include "banger/sdk/os/file.hpp"
#include "core/rpc/build.hpp"
#include "tests/unit/cli/cli_process.hpp"

namespace banger::cli::testing {
namespace {

struct Golden {
    std::string name;
    std::vector<std::string> words;
    int status = 0;
};

const std::vector<Golden>& all()
{
    static const std::vector<Golden> list{
        {"vm_run_detached", {"vm", "run", "-d"}},
        {"vm_run_command", {"vm", "run", "--rm", "--", "both"}},
        {"vm_run_taken", {"vm", "run", "--name", "taken"}, 125},
        {"vm_create", {"vm", "create", "--name", "web"}},
        {"vm_start", {"vm", "start", "web"}},
        {"vm_stop", {"vm", "stop", "web"}},
        {"vm_kill", {"vm", "kill", "web"}},
        {"vm_restart", {"vm", "restart", "web", "db"}},
        {"vm_restart_one", {"vm", "restart", "web"}},
        {"vm_set", {"vm", "set", "db", "--memory", "2G"}},
        {"vm_set_some", {"vm", "set", "web", "db", "nobody", "--vcpu", "2"}, 1},
        {"vm_stats", {"vm", "stats", "web", "db"}},
        {"vm_stats_one", {"vm", "stats", "web"}},
        {"vm_stats_some", {"vm", "stats", "nobody", "db"}, 1},
        {"vm_stats_stopped", {"vm", "stats", "db"}},
        {"vm_health", {"vm", "health", "web"}},
        {"vm_health_stopped", {"vm", "health", "db"}, 1},
        {"vm_health_some", {"vm", "health", "web", "db", "nobody"}, 1},
        {"vm_prune", {"vm", "prune", "-f"}},
        {"vm_prune_dry", {"vm", "prune", "--dry-run", "--stale", "1d"}},
        {"vm_prune_unasked", {"vm", "prune"}, 1},
        {"vm_delete", {"vm", "delete", "web"}},
        {"vm_delete_some", {"vm", "delete", "web", "nobody", "db"}, 1},
        {"vm_list", {"vm", "list"}},
        {"vm_show", {"vm", "show", "web"}},
        {"vm_show_handles", {"vm", "show", "web", "--handles"}},
        {"vm_show_nobody", {"vm", "show", "nobody"}, 1},
        {"vm_session_start", {"vm", "session", "start", "web", "--", "make"}},
        {"vm_session_list", {"vm", "session", "list"}},
        {"vm_session_show", {"vm", "session", "show", "web", "build"}},
        {"vm_session_show_nobody", {"vm", "session", "show", "web", "nobody"}, 1},
        {"vm_session_logs", {"vm", "session", "logs", "web", "build"}},
        {"vm_session_attach", {"vm", "session", "attach", "web", "build"}},
        {"vm_session_stop", {"vm", "session", "stop", "web", "build"}},
        {"vm_session_kill", {"vm", "session", "kill", "--signal", "INT", "web", "lasting"}},
        {"workspace_prepare", {"vm", "workspace", "prepare", "web", "<home>/shop"}},
        {"workspace_prepare_plan", {"vm", "workspace", "prepare", "--dry-run", "web", "<home>/shop"}},
        {"workspace_export", {"vm", "workspace", "export", "web"}},
        {"workspace_export_output", {"vm", "workspace", "export", "--output", "<home>/patch", "web"}},
        {"workspace_status", {"vm", "workspace", "status", "web"}},
        {"workspace_sync", {"vm", "workspace", "sync", "web", "<home>/shop"}},
        {"vm_recover", {"vm", "recover"}},
        {"image_list", {"image", "list"}},
        {"image_show", {"image", "show", "debian-bookworm"}},
        {"image_show_misspelt", {"image", "show", "debain"}, 1},
        {"image_pull", {"image", "pull", "debian-bookworm"}},
        {"image_bundle", {"image", "bundle", "debian-bookworm", "--out", "/srv"}},
        {"image_register", {"image", "register", "/srv/rootfs", "--vmlinux", "/boot/vmlinuz"}},
        {"image_delete", {"image", "delete", "debian-bookworm"}},
        {"image_cache_prune", {"image", "cache", "prune", "--dry-run"}},
        {"kernel_list", {"kernel", "list"}},
        {"kernel_show", {"kernel", "show", "debian-cloud"}},
        {"kernel_pull", {"kernel", "pull", "debian-cloud"}},
        {"kernel_import", {"kernel", "import", "/boot/vmlinuz"}},
        {"kernel_delete", {"kernel", "delete", "debian-cloud"}},
        {"plugin_list", {"plugin", "list"}},
        {"plugin_show", {"plugin", "show", "vmm-qemu"}},
        {"vm_ports", {"vm", "ports", "web"}},
        {"vm_host_key", {"vm", "host-key", "--zone", "vm", "web.vm"}, 1},
        {"dns_status", {"dns", "status"}},
        {"dns_route_resolved", {"dns", "route"}},
        {"dns_route_dnsmasq", {"dns", "route", "--print", "dnsmasq"}},
        {"dns_route_networkmanager", {"dns", "route", "--print", "networkmanager"}},
        {"dns_route_unbound", {"dns", "route", "--print", "unbound"}},
        {"dns_route_resolv", {"dns", "route", "--print", "resolv"}},
        {"config_show", {"config", "show"}},
        {"config_path", {"config", "path"}},
        {"config_get", {"config", "get", "vm_defaults.disk"}},
        {"config_get_unset", {"config", "get", "plugin.vmm-qemu.accelerator"}, 1},
        {"config_set", {"config", "set", "vm_defaults.image", "debian-bookworm-minimal"}},
        {"config_set_wrong", {"config", "set", "vm_defaults.egress", "internt"}, 1},
        {"config_set_plugin_wrong", {"config", "set", "plugin.vmm-qemu.accelerator", "warp"}, 1},
        {"config_set_unknown", {"config", "set", "vm_defaults.vcpus", "2"}, 2},
        {"config_validate", {"config", "validate"}},
        {"config_validate_wrong", {"config", "validate", BANGER_WRONG_CONFIG}, 1},
        {"daemon_start", {"daemon", "start"}},
        {"daemon_status", {"daemon", "status"}},
        {"daemon_stop", {"daemon", "stop"}},
        {"doctor", {"doctor"}, 1},
        {"audit", {"audit"}, 1},
        {"audit_repair", {"audit", "--repair"}},
        {"version", {"version"}},
        {"usage", {"vm", "run", "--memroy", "3"}, 2},
    };
    return list;
}

std::string replaced(std::string text, const std::string& what, const std::string& with)
{
    for (auto at = text.find(what); !what.empty() && at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
    return text;
}

class GoldenTest : public CliTest, public ::testing::WithParamInterface<Golden> {
protected:
    std::string transcript(bool json)
    {
        auto words = GetParam().words;
        for (auto& word : words)
            word = replaced(word, "<home>", home_);
        // A directory in no repository: git's digests change with the time.
        EXPECT_TRUE(sdk::os::make_directories(home_ + "/shop/src"));
        for (const char* file : {"/shop/.env", "/shop/src/shop.c"})
            EXPECT_TRUE(sdk::os::write_file_atomic(home_ + file, "text\n"));
        if (json)
            words.insert(words.begin(), {"-o", "json"});
        if (GetParam().words[0] == "daemon")
            banger({"vm", "list"});  // one that is there already
        const auto ended = banger(words);
        std::string text = ended.out;
        if (!ended.err.empty())
            text += "---- standard error\n" + ended.err;
        text += "---- status " + std::to_string(ended.status) + "\n";
        EXPECT_EQ(ended.status, GetParam().status) << text;
        text = replaced(text, std::string(BANGER_WRONG_CONFIG), "<wrong.toml>");
        return replaced(replaced(replaced(text, home_, "<home>"), std::string(rpc::build_id()), "<build>"),
                        std::string(rpc::version()), "<version>");
    }

    static void compare(const std::string& file, const std::string& text)
    {
        const std::string path = std::string(BANGER_GOLDEN_DIR) + "/" + file;
        const char* accept = std::getenv("BANGER_ACCEPT");
        if (accept != nullptr && std::string(accept) == "1") {
            ASSERT_TRUE(sdk::os::write_file_atomic(path, text, 0644));
            GTEST_SKIP() << "accepted " << file;
        }
        auto golden = sdk::os::read_file(path);
        ASSERT_TRUE(golden) << "no " << file << "; BANGER_ACCEPT=1 writes it:\n" << text;
        EXPECT_EQ(text, *golden) << file;
    }
};

TEST_P(GoldenTest, ForPeople)
{
    compare(GetParam().name + ".txt", transcript(false));
}

TEST_P(GoldenTest, ForPrograms)
{
    compare(GetParam().name + ".json.txt", transcript(true));
}

INSTANTIATE_TEST_SUITE_P(Commands, GoldenTest, ::testing::ValuesIn(all()),
                         [](const ::testing::TestParamInfo<Golden>& one) { return one.param.name; });

}  // namespace
}  // namespace banger::cli::testing
