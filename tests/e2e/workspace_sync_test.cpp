// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What changes on the host arrives in a machine's workspace.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include "banger/sdk/os/file.hpp"
#include "guest/tree/watcher.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

class WorkspaceSync : public ::testing::Test {
protected:
    void SetUp() override
    {
        fs::create_directories(repo + "/src/deep");
        write(".gitignore", "*.log\nbuild/\n");
        write("file", "first\n");
        write("src/deep/one", "1\n");
        write("src/deep/two", "2\n");
        write("script", "#!/bin/sh\n");
        git("init -q -b main && git add . && git commit -q -m one");
        ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
        auto prepared = host.banger({"vm", "workspace", "prepare", "a", repo});
        ASSERT_EQ(prepared.status, 0) << prepared.err;
    }
    void TearDown() override
    {
        if (watching)
            stop_watching();
    }

    void write(const std::string& name, const std::string& text) const { std::ofstream(repo + "/" + name) << text; }
    void git(const std::string& script) const
    {
        sdk::os::Command command;
        command.argv = {"sh", "-c", "cd \"$0\" && git " + script, repo};
        command.environment = {{"GIT_AUTHOR_NAME", "a"}, {"GIT_AUTHOR_EMAIL", "a@b"},
                               {"GIT_COMMITTER_NAME", "a"}, {"GIT_COMMITTER_EMAIL", "a@b"}};
        auto ran = sdk::os::run_checked(command);
        ASSERT_TRUE(ran) << ran.error().message;
    }
    std::string in_guest(const std::string& script) const
    {
        return host.banger({"vm", "exec", "a", "--", "sh", "-c", "cd /root/repo && " + script}).out;
    }
    /// Runs in the guest until it is true there; the loop has nothing to wait for in a shell.
    bool becomes_true(const std::string& condition) const
    {
        CallOptions bounded;
        bounded.timeout = std::chrono::seconds(90);
        const std::string script = "cd /root/repo; until { " + condition + "; }; do :; done";
        return host.banger({"vm", "exec", "a", "--", "sh", "-c", script}, bounded).status == 0;
    }
    json::Document sync() const { return host.json({"vm", "workspace", "sync", "a", repo}); }

    void start_watching(const std::vector<std::string>& more = {})
    {
        auto arguments = std::vector<std::string>{"vm", "workspace", "sync", "--watch", "a", repo};
        arguments.insert(arguments.end(), more.begin(), more.end());
        auto command = host.command(arguments);
        const auto out = sdk::os::open_file(said(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
        ASSERT_TRUE(out);
        command.out = command.err = out->get();
        auto child = sdk::os::spawn(command);
        ASSERT_TRUE(child) << child.error().message;
        watching = std::make_unique<sdk::os::Child>(std::move(*child));
        ASSERT_TRUE(wait_for_text(said(), "watching", std::chrono::seconds(60))) << words();
    }
    int stop_watching()
    {
        watching->kill_group(SIGINT);
        auto status = watching->wait();
        watching.reset();
        return status ? *status : -1;
    }
    std::string content(const std::string& name) const
    {
        return sdk::os::read_file(repo + "/" + name).value_or("(none)");
    }
    /// Until it is true here: looks each time something happens in the repository.
    bool wait_here(const std::function<bool()>& condition) const
    {
        const auto deadline = Clock::now() + std::chrono::seconds(60);
        auto watcher = tree::Watcher::open(repo);
        while (watcher && !condition()) {
            tree::Happened ignored;
            pollfd ready{watcher->descriptor(), POLLIN, 0};
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
            if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0 || !watcher->take(ignored))
                return condition();
        }
        return watcher.has_value();
    }
    std::string said() const { return host.home() + "/said"; }
    std::string words() const { return sdk::os::read_file(said()).value_or(""); }

    Installation host;
    const std::string repo = host.home() + "/repo";
    std::unique_ptr<sdk::os::Child> watching;
};

TEST_F(WorkspaceSync, OneRoundBringsEachKindOfChange)
{
    in_guest("echo mine >only-here; echo mine >>src/deep/two; mkdir -p src/kept; echo mine >src/kept/x; echo x >built.log");
    const auto head = in_guest("cat .git/HEAD .git/refs/heads/main; stat -c %Y .git/index");
    write("file", "second\n");
    write("new", "new\n");
    write("noise.log", "never\n");
    fs::create_directories(repo + "/more/below");
    write("more/below/file", "below\n");
    fs::remove(repo + "/src/deep/one");
    fs::permissions(repo + "/script", fs::perms(0755));
    fs::create_symlink("file", repo + "/link");
    auto done = sync();
    EXPECT_EQ(json::uint_or(done, "sent"), 5U) << json::to_text(done);
    EXPECT_EQ(json::uint_or(done, "removed"), 1U);
    EXPECT_EQ(in_guest("cat file new more/below/file link; stat -c %a script; readlink link"),
              "second\nnew\nbelow\nsecond\n755\nfile\n");
    EXPECT_EQ(in_guest("ls -A src/deep; cat only-here src/kept/x src/deep/two; ls *.log"),
              "two\nmine\nmine\n2\nmine\nbuilt.log\n");
    EXPECT_EQ(in_guest("cat .git/HEAD .git/refs/heads/main; stat -c %Y .git/index"), head);

    EXPECT_EQ(json::uint_or(sync(), "sent"), 0U) << "nothing changed since";
    write("file", "thirdd\n");  // as long as before
    EXPECT_EQ(json::uint_or(sync(), "sent"), 1U);
    fs::remove(repo + "/new");
    fs::remove(repo + "/link");
    fs::remove_all(repo + "/more");
    fs::rename(repo + "/src", repo + "/source");
    done = sync();
    EXPECT_EQ(json::uint_or(done, "removed"), 4U) << json::to_text(done);
    EXPECT_EQ(in_guest("ls; ls src source"), "built.log\nfile\nonly-here\nscript\nsource\nsrc\nsource:\ndeep\n\nsrc:\nkept\n")
        << "what only the guest has stays, and an empty directory does not";
    fs::create_directories(repo + "/file.d");
    fs::remove(repo + "/file");
    fs::rename(repo + "/file.d", repo + "/file");
    write("file/inside", "a file became a directory\n");
    EXPECT_EQ(json::uint_or(sync(), "sent"), 1U);
    EXPECT_EQ(in_guest("cat file/inside"), "a file became a directory\n");
    in_guest("mkdir -p way; echo mine >way/x");
    write("way", "a file\n");
    auto in_the_way = host.banger({"vm", "workspace", "sync", "a", repo});
    EXPECT_EQ(in_the_way.status, 1);
    EXPECT_NE(in_the_way.err.find("in the way of 'way'"), std::string::npos) << in_the_way.err;
    EXPECT_EQ(in_guest("cat way/x"), "mine\n") << "what only the guest has stays";
    expect_clean(host);
}

TEST_F(WorkspaceSync, WhatCannotWorkIsSaid)
{
    auto nowhere = host.banger({"vm", "workspace", "sync", "--guest-path", "/srv/none", "a", repo});
    EXPECT_EQ(nowhere.status, 1);
    EXPECT_NE(nowhere.err.find("workspace prepare"), std::string::npos) << nowhere.err;
    EXPECT_EQ(host.banger({"vm", "workspace", "sync", "a", repo + "/none"}).status, 1);
    EXPECT_EQ(host.banger({"vm", "workspace", "sync", "none", repo}).status, 1);
    write("tracked-later", "1");
    EXPECT_EQ(json::uint_or(host.json({"vm", "workspace", "sync", "--tracked-only", "a", repo}), "sent"), 0U);
}

TEST_F(WorkspaceSync, AFullDiskOrADeadMachineLeavesWholeFiles)
{
    // A disk that has no room for what is to come, with or without a way back.
    in_guest("mkdir /small; mount -t tmpfs -o size=2M none /small");
    const std::vector<std::string> small{"--guest-path", "/small/repo", "a", repo};
    const auto call = [&](std::vector<std::string> words) {
        words.insert(words.end(), small.begin(), small.end());
        return host.banger(words);
    };
    ASSERT_EQ(call({"vm", "workspace", "prepare"}).status, 0);
    write("large", std::string(4 << 20, 'x'));
    for (const auto& words : {std::vector<std::string>{"vm", "workspace", "sync"}, {"vm", "workspace", "sync", "--two-way"}}) {
        const auto full = call(words);
        EXPECT_EQ(full.status, 1);
        EXPECT_NE(full.err.find("No space left"), std::string::npos) << full.err;
        EXPECT_EQ(in_guest("cd /small/repo; ls -A; git status --porcelain"),
                  ".git\n.gitignore\nfile\nscript\nsrc\n");
    }
    in_guest("cd /small/repo; echo more >>file; head -c 4M /dev/zero >/small/rest 2>/dev/null || :");
    auto exported = host.banger({"vm", "workspace", "export", "--guest-path", "/small/repo", "a"});
    EXPECT_EQ(exported.status, 0) << exported.err;
    EXPECT_NE(exported.out.find("+more"), std::string::npos) << "a full disk keeps no work in: " << exported.out;
    EXPECT_EQ(in_guest("cd /small/repo; rm /small/rest; git status --porcelain; ls .git | grep export || :"), " M file\n");
    fs::remove(repo + "/large");
    EXPECT_EQ(call({"vm", "workspace", "sync", "--two-way"}).status, 0);
    EXPECT_EQ(content("file"), "first\nmore\n");

    // A machine that is killed while a file is on its way: afterwards it goes as a whole.
    write("first", "x");
    {
        std::ofstream large(repo + "/large");
        for (int i = 0; i < 600; ++i)
            large << std::string(1 << 20, 'x');
    }
    in_guest("sync");  // to be killed is a power cut for what is not on the disk yet
    auto command = host.command({"vm", "workspace", "sync", "a", repo});
    auto busy = sdk::os::spawn(command);
    ASSERT_TRUE(busy) << busy.error().message;
    ASSERT_TRUE(becomes_true("[ -s first ]"));
    EXPECT_EQ(in_guest("ls"), "file\nfirst\nscript\nsrc\n") << "what is not complete has no name";
    ASSERT_EQ(host.banger({"vm", "kill", "a"}).status, 0);
    EXPECT_EQ(busy->wait().value_or(-1), 1);
    ASSERT_EQ(host.banger({"vm", "start", "a"}).status, 0);
    fs::resize_file(repo + "/large", 1 << 20);
    ASSERT_EQ(host.banger({"vm", "workspace", "sync", "a", repo}).status, 0);
    EXPECT_EQ(in_guest("cat file first; stat -c %s large; ls -A"),
              "first\nmore\nx1048576\n.git\n.gitignore\nfile\nfirst\nlarge\nscript\nsrc\n");
    expect_clean(host);
}

TEST_F(WorkspaceSync, EditsFlowInWhileItWatches)
{
    start_watching();
    // A program of the guest's that waits for IN_MOVED_TO (inotify(7)), by the numbers that x86-64 has for the calls.
    in_guest(R"(setsid perl -e '$at = "/root/repo"; $in = syscall(253); syscall(254, $in, $at, 0x80);
open(W, ">/root/waits"); close(W); open(F, "<&=", $in); sysread(F, $event, 4096);
print unpack("x16 Z*", $event), "\n"' >/root/told 2>&1 </dev/null & until [ -e /root/waits ]; do :; done)");
    const auto inode = in_guest("stat -c %i file");
    const auto began = Clock::now();
    write("file", "second\n");
    ASSERT_TRUE(becomes_true("grep -q second file"));
    RecordProperty("edit_ms", static_cast<int>((Clock::now() - began) / std::chrono::milliseconds(1)));
    EXPECT_NE(in_guest("stat -c %i file"), inode) << "replaced, not written into";
    ASSERT_TRUE(becomes_true("[ -s /root/told ]"));
    EXPECT_EQ(in_guest("cat /root/told"), "file\n") << "an event of the guest's own";

    const auto rounds = [this] {
        const std::string said_so_far = words();
        std::size_t count = 0;
        for (auto at = said_so_far.find("sent "); at != std::string::npos; at = said_so_far.find("sent ", at + 1))
            ++count;
        return count;
    };
    const auto before = rounds();
    for (int i = 0; i < 50; ++i)
        write("file", std::to_string(i) + "\n");
    ASSERT_TRUE(becomes_true("grep -qx 49 file")) << words();
    EXPECT_LE(rounds() - before, 10U) << "what comes together goes together";

    write("file~", "third\n");
    fs::rename(repo + "/file~", repo + "/file");
    ASSERT_TRUE(becomes_true("grep -q third file")) << words();
    fs::create_directories(repo + "/a/b/c");
    write("a/b/c/new", "new\n");
    ASSERT_TRUE(becomes_true("[ -s a/b/c/new ]")) << words();
    write("noise.log", "never\n");
    fs::create_directories(repo + "/build");
    write("build/out", "never\n");
    fs::rename(repo + "/a", repo + "/z");
    ASSERT_TRUE(becomes_true("[ -s z/b/c/new ] && [ ! -e a ]")) << words();
    write("z/b/c/new", "newer\n");
    ASSERT_TRUE(becomes_true("grep -q newer z/b/c/new")) << words();
    fs::remove(repo + "/z/b/c/new");
    ASSERT_TRUE(becomes_true("[ ! -e z/b/c/new ]")) << words();
    fs::remove_all(repo + "/z");
    EXPECT_EQ(in_guest("ls"), "file\nscript\nsrc\nz\n") << "nothing that is ignored, nothing half";
    EXPECT_EQ(stop_watching(), 128 + SIGINT);
    EXPECT_EQ(json::uint_or(sync(), "sent"), 0U) << "the record says what went";
    expect_clean(host);
}

TEST_F(WorkspaceSync, ABranchOfThousandsOfFilesArrives)
{
    git("checkout -q -b many");
    fs::create_directories(repo + "/many");
    for (int i = 0; i < 2000; ++i)
        write("many/" + std::to_string(i), std::to_string(i));
    write(".gitignore", "build/\n");
    write("now.log", "not ignored on this branch\n");
    git("add . && git commit -q -m many && git checkout -q main");
    start_watching();
    git("checkout -q many");
    ASSERT_TRUE(becomes_true("set -- many/*; [ $# = 2000 ] && [ -e now.log ]")) << words();
    git("checkout -q main");
    ASSERT_TRUE(becomes_true("[ ! -e many ] && [ ! -e now.log ]")) << words();
    EXPECT_EQ(in_guest("cat .gitignore"), "*.log\nbuild/\n");
    EXPECT_EQ(in_guest("cat .git/HEAD"), "ref: refs/heads/main\n");
}

TEST_F(WorkspaceSync, AMachineThatStopsEndsTheWatch)
{
    start_watching();
    ASSERT_EQ(host.banger({"vm", "stop", "a"}).status, 0);
    auto status = watching->wait();
    watching.reset();
    ASSERT_TRUE(status);
    EXPECT_EQ(*status, 1) << words();
    EXPECT_NE(words().find("not running"), std::string::npos) << words();
}

TEST_F(WorkspaceSync, ADaemonThatIsReplacedIsFoundAgain)
{
    start_watching();
    host.kill_daemon();
    ASSERT_TRUE(wait_for_text(said(), "connected again", std::chrono::seconds(60))) << words();
    write("file", "after\n");
    ASSERT_TRUE(becomes_true("grep -q after file")) << words();
    EXPECT_EQ(stop_watching(), 128 + SIGINT);
}

TEST_F(WorkspaceSync, TwoWayBringsTheGuestsChangesBack)
{
    start_watching({"--two-way"});
    in_guest("echo theirs >file; mkdir -p new/dir; echo new >new/dir/file; chmod 755 new/dir/file; ln -s file link;"
             "echo never >noise.log; rm src/deep/one; echo x >'odd name'; echo evil >.git/hooks/evil");
    ASSERT_TRUE(wait_here([&] {
        return content("file") == "theirs\n" && content("new/dir/file") == "new\n" &&
               !fs::exists(repo + "/src/deep/one") && fs::is_symlink(repo + "/link") && content("odd name") == "x\n";
    })) << words();
    EXPECT_EQ(fs::status(repo + "/new/dir/file").permissions(), fs::perms(0755));
    EXPECT_FALSE(fs::exists(repo + "/noise.log")) << "ignored";
    EXPECT_FALSE(fs::exists(repo + "/.git/hooks/evil"));
    write("file", "ours again\n");
    ASSERT_TRUE(becomes_true("grep -q again file")) << words();
    fs::remove(repo + "/new/dir/file");
    ASSERT_TRUE(becomes_true("[ ! -e new/dir/file ]")) << words();
    EXPECT_EQ(stop_watching(), 128 + SIGINT);
    const auto done = host.json({"vm", "workspace", "sync", "--two-way", "a", repo});
    for (const char* what : {"sent", "removed", "received", "removed_here", "conflicts"})
        EXPECT_EQ(json::uint_or(done, what), 0U) << json::to_text(done);
    expect_clean(host);
}

TEST_F(WorkspaceSync, ChangedOnBothSidesKeepsBoth)
{
    in_guest("echo theirs >file; echo same >script; echo kept >src/deep/one; rm src/deep/two");
    write("file", "ours\n");
    write("script", "same\n");
    fs::remove(repo + "/src/deep/one");
    write("src/deep/two", "changed\n");
    const std::vector<std::string> two_way{"vm", "workspace", "sync", "--two-way", "a", repo};
    auto done = host.json(two_way);
    EXPECT_EQ(json::uint_or(done, "conflicts"), 1U) << json::to_text(done);
    EXPECT_EQ(content("file"), "ours\n");
    EXPECT_EQ(content("file.guest-conflict"), "theirs\n");
    EXPECT_EQ(content("src/deep/one"), "kept\n") << "a deletion gives way to a change";
    EXPECT_EQ(in_guest("cat file src/deep/two; ls"), "theirs\nchanged\nfile\nscript\nsrc\n");

    start_watching({"--two-way"});
    write("file", "ours, longer\n");
    write("new", "1");
    ASSERT_TRUE(becomes_true("[ -e new ]")) << words();
    EXPECT_EQ(in_guest("cat file"), "theirs\n") << "not before it is settled";
    write("src/deep/two", "here\n");
    ASSERT_TRUE(becomes_true("grep -q here src/deep/two")) << words();
    EXPECT_EQ(stop_watching(), 128 + SIGINT);
}

TEST_F(WorkspaceSync, AConflictThatIsSettledGoes)
{
    start_watching({"--two-way"});
    // Both within one quiet time of the watch, whichever is seen first: the guest's is written while the host's waits.
    watching->kill_group(SIGSTOP);
    in_guest("echo theirs >file");
    write("file", "ours\n");
    watching->kill_group(SIGCONT);
    ASSERT_TRUE(wait_here([&] { return content("file.guest-conflict") == "theirs\n"; })) << words();
    EXPECT_EQ(content("file"), "ours\n");
    EXPECT_EQ(in_guest("cat file"), "theirs\n");
    fs::remove(repo + "/file.guest-conflict");
    ASSERT_TRUE(becomes_true("grep -q ours file")) << words();
    EXPECT_EQ(stop_watching(), 128 + SIGINT);
    EXPECT_NE(words().find("changed on both sides"), std::string::npos) << words();
}

}  // namespace
}  // namespace banger::e2e
