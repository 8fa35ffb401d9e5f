// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What of the user's goes into a new machine: [[file_sync]] and the identity of the host's git. Once, whole, or not at
// all.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

// An installation whose daemon sees a home made for one test.
class Provision : public ::testing::Test {
protected:
    void SetUp() override
    {
        std::string pattern = std::string(std::getenv("BANGER_TEST_DIR")) + "/user-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        home_ = pattern;
        file(".gitconfig", "[user]\n\tname = Ada Lovelace\n\temail = ada@example.org\n");
    }
    void TearDown() override { EXPECT_TRUE(sdk::os::remove_tree(home_)); }

    [[nodiscard]] std::string path(const std::string& name) const { return home_ + "/" + name; }

    void file(const std::string& name, const std::string& content, mode_t mode = 0644) const
    {
        const std::string whole = path(name);
        ASSERT_TRUE(sdk::os::make_directories(whole.substr(0, whole.rfind('/'))));
        ASSERT_TRUE(sdk::os::write_file_atomic(whole, content));
        ASSERT_EQ(::chmod(whole.c_str(), mode), 0);
    }

    Called banger(const Installation& host, const std::vector<std::string>& arguments,
                  const std::string& fault = {}) const
    {
        CallOptions options;
        options.environment["HOME"] = home_;
        if (!fault.empty())
            options.environment["BANGER_FAULT"] = fault;
        return host.banger(arguments, options);
    }

    std::string in_guest(const Installation& host, const std::string& vm, const std::string& script) const
    {
        auto called = banger(host, {"vm", "exec", vm, "--", "sh", "-c", script});
        EXPECT_EQ(called.status, 0) << called.err;
        return called.out;
    }

    std::string home_;
};

void expect_no_vm(const Installation& host)
{
    EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U);
    expect_clean(host);
}

TEST_F(Provision, WhatIsTheUsersArrivesOnce)
{
    file(".netrc", "machine x");
    file(".config/tool/settings", "odd \n\xff bytes", 0640);
    file(".config/tool/bin/run", "#!/bin/sh\necho ran\n", 0755);
    file(".config/tool/large", std::string(70U << 20U, 'l'), 0600);
    file(".ssh/authorized_keys", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG2XRxNPsxKf1oBvF1N4w0Zs4b3G2wJ0d4F0m3K8y1aB\n",
         0600);
    ASSERT_EQ(::chmod(path(".config/tool/bin").c_str(), 0711), 0);
    ASSERT_EQ(::symlink("bin/run", path(".config/tool/run").c_str()), 0);
    ASSERT_EQ(::symlink("/etc/passwd", path(".config/tool/outside").c_str()), 0);
    const Installation host(R"(
[[file_sync]]
host = "~/.netrc"
guest = "~/.netrc"
[[file_sync]]
host = "~/.config/tool"
guest = "/root/.config/tool"
[[file_sync]]
host = "~/not-there"
guest = "~/not-there"
[[file_sync]]
host = "~/.ssh"
guest = "~/.ssh"
)");
    auto created = banger(host, {"vm", "create", "--name", "a"});
    ASSERT_EQ(created.status, 0) << created.err;
    for (const auto& said : {"provision: file-sync\n", "provision: git-identity\n",
                             "warning: '~/not-there' is not there: nothing goes to '/root/not-there'\n",
                             "/.config/tool/outside' is left out: it is a link that leads out of '"})
        EXPECT_NE(created.err.find(said), std::string::npos) << "no '" << said << "' in:\n" << created.err;

    EXPECT_EQ(in_guest(host, "a",
                       "stat -c '%a %U %F %n' .netrc .config/tool .config/tool/*; cat .config/tool/settings"),
              "600 root regular file .netrc\n"
              "755 root directory .config/tool\n"
              "711 root directory .config/tool/bin\n"
              "600 root regular file .config/tool/large\n"
              "777 root symbolic link .config/tool/run\n"
              "640 root regular file .config/tool/settings\n"
              "odd \n\xff bytes");
    EXPECT_EQ(in_guest(host, "a", "cd .config/tool; tr -d l < large | wc -c; stat -c %s large; ./run"),
              "0\n73400320\nran\n");
    EXPECT_EQ(in_guest(host, "a", "grep -c . .ssh/authorized_keys"), "2\n") << "the user's, and banger's own";
    EXPECT_EQ(banger(host, {"vm", "ssh", "a", "--", "echo", "over"}).out, "over\n");
    EXPECT_EQ(in_guest(host, "a", "cat .gitconfig"),
              "[user]\n\tname = \"Ada Lovelace\"\n\temail = \"ada@example.org\"\n");

    EXPECT_NE(banger(host, {"-o", "json", "doctor"}).out.find("not there: ~/not-there"), std::string::npos);
    EXPECT_NE(banger(host, {"config", "show"}).out.find("/root/.config/tool"), std::string::npos);

    // It is on the disk: a machine that is cut off the next moment has it, and is not given it again.
    in_guest(host, "a", "echo mine > .netrc; rm .gitconfig; sync .netrc .");
    ASSERT_EQ(banger(host, {"vm", "kill", "a"}).status, 0);
    auto started = banger(host, {"vm", "start", "a"});
    ASSERT_EQ(started.status, 0) << started.err;
    EXPECT_EQ(started.err.find("provision"), std::string::npos) << started.err;
    EXPECT_EQ(in_guest(host, "a", "cat .netrc .gitconfig 2>/dev/null; stat -c %s .config/tool/large"),
              "mine\n73400320\n");
    expect_clean(host);
}

TEST_F(Provision, WhatWasProvisionedIsOnTheDiskAtOnce)
{
    file(".netrc", "machine x");
    const Installation host("git_identity = false\n[[file_sync]]\nhost = \"~/.netrc\"\nguest = \"~/.netrc\"\n");
    ASSERT_EQ(banger(host, {"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    ASSERT_EQ(banger(host, {"vm", "kill", "a"}).status, 0);
    ASSERT_EQ(banger(host, {"vm", "start", "a"}).status, 0);
    EXPECT_EQ(in_guest(host, "a", "cat .netrc; ls -A | grep gitconfig || :"), "machine x");
}

TEST_F(Provision, AForbiddenPlaceIsRefusedWithFileAndLine)
{
    const Installation host("[[file_sync]]\nhost = \"~/.netrc\"\nguest = \"/etc/shadow\"\n");
    auto called = banger(host, {"vm", "create", "--name", "a"});
    EXPECT_EQ(called.status, 1);
    for (const char* text : {"config.toml:8", "'/etc/shadow'", "/root/"})
        EXPECT_NE(called.err.find(text), std::string::npos) << called.err;
    ASSERT_TRUE(sdk::os::remove_file(host.home() + "/config.toml"));
    expect_no_vm(host);
}

class ProvisionByUser : public Provision {};

// Not for root, who may read everything.
TEST_F(ProvisionByUser, AFileThatMayNotBeReadUndoesTheCreation)
{
    file("dots/open", "x");
    file("dots/closed", "x", 0);
    const Installation host("[[file_sync]]\nhost = \"~/dots\"\nguest = \"~/dots\"\n");
    auto called = banger(host, {"vm", "create", "--name", "a", "--ready", "agent"});
    EXPECT_EQ(called.status, 1);
    for (const std::string& text : {path("dots/closed"), std::string("Permission denied"),
                                   std::string("while: provision: file-sync"), std::string("while: create vm 'a'")})
        EXPECT_NE(called.err.find(text), std::string::npos) << "no '" << text << "' in:\n" << called.err;
    expect_no_vm(host);
}

TEST_F(Provision, AGuestThatRefusesUndoesTheCreation)
{
    file("x", "x");
    const Installation host("[[file_sync]]\nhost = \"~/x\"\nguest = \"~/.ssh/authorized_keys/x\"\n");
    auto called = banger(host, {"vm", "run", "--rm", "--ready", "agent", "--", "echo", "ran"});
    EXPECT_EQ(called.status, 125);
    EXPECT_EQ(called.out, "");
    EXPECT_NE(called.err.find("'/root/.ssh/authorized_keys/x' in the guest: Not a directory"), std::string::npos)
        << called.err;
    expect_no_vm(host);
}

TEST_F(Provision, AMachineThatWasOnlyMadeIsProvisionedWhenItStartsWhateverHappened)
{
    file(".netrc", "machine x");
    const Installation host("[[file_sync]]\nhost = \"~/.netrc\"\nguest = \"~/.netrc\"\n");
    auto created = banger(host, {"vm", "create", "--name", "a", "--no-start"});
    ASSERT_EQ(created.status, 0) << created.err;
    EXPECT_EQ(created.err.find("provision"), std::string::npos) << created.err;

    // A daemon that dies right after the files went in has not noted it.
    host.stop_daemon();
    EXPECT_NE(banger(host, {"vm", "start", "a"}, "kill:1@after provision/0 file-sync apply").status, 0);
    host.kill_daemon();
    EXPECT_EQ(shown(host, "a", "state"), "stopped");

    // Nor does a lost database change that.
    host.stop_daemon();
    for (const char* suffix : {"", "-wal", "-shm"})
        ASSERT_TRUE(sdk::os::remove_file(host.home() + "/state/banger.db" + suffix));
    ASSERT_EQ(banger(host, {"vm", "recover"}).status, 0);

    // One that fails leaves it as it was.
    host.stop_daemon();
    auto failed = banger(host, {"vm", "start", "a"}, "error:1@before provision/0 git-identity apply");
    EXPECT_EQ(failed.status, 1) << failed.err;
    EXPECT_EQ(shown(host, "a", "state"), "stopped");
    expect_clean(host);

    host.stop_daemon();
    auto started = banger(host, {"vm", "start", "a"});
    ASSERT_EQ(started.status, 0) << started.err;
    EXPECT_NE(started.err.find("provision: file-sync"), std::string::npos) << started.err;
    EXPECT_EQ(in_guest(host, "a", "systemctl is-system-running"), "running\n") << "as ready as `vm create` makes one";
    EXPECT_EQ(in_guest(host, "a", "cat .netrc; grep -c name .gitconfig"), "machine x1\n") << "twice is once";
    in_guest(host, "a", "rm .netrc");

    // A recovered record still says that it is done.
    ASSERT_EQ(banger(host, {"vm", "stop", "a"}).status, 0);
    host.stop_daemon();
    for (const char* suffix : {"", "-wal", "-shm"})
        ASSERT_TRUE(sdk::os::remove_file(host.home() + "/state/banger.db" + suffix));
    ASSERT_EQ(banger(host, {"vm", "recover"}).status, 0);
    auto again = banger(host, {"vm", "start", "a"});
    ASSERT_EQ(again.status, 0) << again.err;
    EXPECT_EQ(again.err.find("provision"), std::string::npos) << again.err;
    EXPECT_EQ(in_guest(host, "a", "ls .netrc 2>/dev/null || echo none"), "none\n");
}

/// Makes a machine whose files take a while, and does that when they begin to go in; the exit status, and what was said.
template <typename Act>
std::pair<int, std::string> create_and(const Installation& host, const std::string& home, Act act)
{
    auto call = host.command({"vm", "create", "--name", "a", "--ready", "agent"});
    call.environment.emplace_back("HOME", home);
    const std::string said = host.home() + "/said";
    auto err = sdk::os::open_file(said, O_WRONLY | O_CREAT | O_APPEND);
    EXPECT_TRUE(err);
    call.err = err->get();
    auto child = sdk::os::spawn(call);
    EXPECT_TRUE(child);
    EXPECT_TRUE(wait_for_text(said, "provision: file-sync", std::chrono::seconds(120)));
    act(*child);
    const auto status = child->wait();
    EXPECT_TRUE(status);
    return {status.value_or(-1), sdk::os::read_file(said).value_or("")};
}

constexpr const char* large_goes_in = "[[file_sync]]\nhost = \"~/large\"\nguest = \"~/large\"\n";

TEST_F(Provision, CancellingUndoesTheCreation)
{
    file("large", std::string(64U << 20U, 'l'));
    const Installation host(large_goes_in);
    const auto [status, said] = create_and(host, home_, [](const sdk::os::Child& child) {
        ASSERT_TRUE(sdk::os::send_signal(child.id(), SIGINT));
    });
    EXPECT_EQ(status, 128 + SIGINT) << said;
    expect_no_vm(host);
}

TEST_F(Provision, AGuestThatDiesInTheMiddleUndoesTheCreation)
{
    file("large", std::string(256U << 20U, 'l'));
    const Installation host(large_goes_in);
    const auto [status, said] = create_and(host, home_, [&](const sdk::os::Child&) {
        const auto vmm = sdk::os::identify(static_cast<pid_t>(pid_of(host, "a")));
        ASSERT_TRUE(vmm);
        ASSERT_TRUE(sdk::os::send_signal(*vmm, SIGKILL));
    });
    EXPECT_EQ(status, 1);
    EXPECT_NE(said.find("while: provision: file-sync"), std::string::npos) << said;
    expect_no_vm(host);
}

}  // namespace
}  // namespace banger::e2e
