// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A repository and its workspace in a guest, in both directions: with the agent's real tools, and no machine.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "core/model/json.hpp"
#include "tests/unit/cli/cli_process.hpp"

namespace banger::cli::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class TwoWayTest : public CliTest {
protected:
    TwoWayTest()
    {
        environment_["HOME"] = home_;
        fs::create_directories(here);
        sh(here, "git init -q -b main .; printf '*.log\\nbuild/\\n' >.gitignore; echo 1 >file; mkdir d; echo 2 >d/other; "
                 "touch -d '2 hours ago' file d/other; git add .; git commit -q -m one");
    }

    /// What a script prints that is run in `directory`.
    std::string sh(const std::string& directory, const std::string& script) const
    {
        sdk::os::Command command;
        command.argv = {"sh", "-ec", script};
        command.directory = directory;
        command.environment = {{"HOME", home_},           {"GIT_AUTHOR_NAME", "a"},    {"GIT_AUTHOR_EMAIL", "a@b"},
                               {"GIT_COMMITTER_NAME", "a"}, {"GIT_COMMITTER_EMAIL", "a@b"}};
        auto ran = sdk::os::run_checked(command);
        EXPECT_TRUE(ran) << ran.error().message;
        return ran ? ran->out : std::string();
    }
    void prepare()
    {
        const auto prepared = banger({"vm", "workspace", "prepare", "--guest-path", there, "here", here});
        ASSERT_EQ(prepared.status, 0) << prepared.err;
    }
    /// One round; what it says is "sent removed received removed-here conflicts", each a number.
    std::string sync(const std::string& option = "--two-way")
    {
        const auto done =
            banger({"-o", "json", "vm", "workspace", "sync", "--two-way", option, "--guest-path", there, "here", here});
        EXPECT_EQ(done.status, 0) << done.err;
        const auto facts = json::parse_object(done.out, "the answer");
        if (!facts)
            return done.out + done.err;
        std::string numbers;
        for (const char* what : {"sent", "removed", "received", "removed_here", "conflicts"})
            numbers += (numbers.empty() ? "" : " ") + std::to_string(json::uint_or(*facts, what));
        return numbers;
    }

    const std::string here = home_ + "/here";
    const std::string there = home_ + "/there";
};

TEST_F(TwoWayTest, AConflictThatIsSettledBetweenTwoCallsGoes)
{
    prepare();
    sh(here, "echo ours >file");
    sh(there, "echo theirs >file");
    EXPECT_EQ(sync(), "0 0 0 0 1");
    EXPECT_EQ(sh(here, "cat file file.guest-conflict"), "ours\ntheirs\n");
    EXPECT_EQ(sync(), "0 0 0 0 0") << "it is open";
    sh(here, "echo both >file; rm file.guest-conflict");
    EXPECT_EQ(sync(), "1 0 0 0 0");
    EXPECT_EQ(sh(there, "cat file"), "both\n");
    EXPECT_EQ(sync(), "0 0 0 0 0");
}

TEST_F(TwoWayTest, ASettledFileThatTheGuestChangedOnceMoreIsAnotherConflict)
{
    prepare();
    sh(here, "echo ours >file");
    sh(there, "echo theirs >file");
    EXPECT_EQ(sync(), "0 0 0 0 1");
    sh(here, "rm file.guest-conflict");
    sh(there, "echo theirs again >file");
    EXPECT_EQ(sync(), "0 0 0 0 1");
    EXPECT_EQ(sh(here, "cat file file.guest-conflict"), "ours\ntheirs again\n");
    sh(here, "rm file file.guest-conflict");
    EXPECT_EQ(sync(), "0 1 0 0 0") << "the one here goes, which is none";
    EXPECT_EQ(sh(there, "ls"), "d\n");
}

TEST_F(TwoWayTest, AFileHereAndADirectoryThereAreKeptBoth)
{
    prepare();
    sh(here, "echo ours >file");
    sh(there, "rm file; mkdir -p file/deep; echo x >file/x; echo y >file/deep/y; echo obj >file/deep/z.log");
    EXPECT_EQ(sync(), "0 0 0 0 1");
    EXPECT_EQ(sh(here, "cat file file.guest-conflict/x file.guest-conflict/deep/y"), "ours\nx\ny\n");
    EXPECT_EQ(sh(there, "cat file/x"), "x\n");
    sh(here, "echo more >d/more");
    sh(there, "rm -r file/deep; echo theirs >d/other");
    EXPECT_EQ(sync(), "1 0 1 0 0") << "the rest goes on";
    sh(here, "rm -r file.guest-conflict");
    EXPECT_EQ(sync(), "1 1 0 0 0");
    EXPECT_EQ(sh(there, "cat file"), "ours\n");
    EXPECT_EQ(sync(), "0 0 0 0 0");
}

TEST_F(TwoWayTest, ADirectoryHereAndAFileThereAreKeptBoth)
{
    prepare();
    sh(here, "rm -r d; echo file >d; rm file; mkdir file; echo x >file/x; echo y >file/y");
    sh(there, "echo theirs >file");
    EXPECT_EQ(sync(), "1 1 0 0 1") << "what only one side changed goes";
    EXPECT_EQ(sh(here, "cat file/x file/y file.guest-conflict"), "x\ny\ntheirs\n");
    EXPECT_EQ(sh(there, "cat d file"), "file\ntheirs\n");
    EXPECT_EQ(sync(), "0 0 0 0 0");
    sh(here, "rm file.guest-conflict");
    EXPECT_EQ(sync(), "2 1 0 0 0");
    EXPECT_EQ(sh(there, "cat file/x file/y"), "x\ny\n");
    EXPECT_EQ(sync(), "0 0 0 0 0");
}

TEST_F(TwoWayTest, WhatIsIgnoredAndInTheWayEndsNothing)
{
    prepare();
    sh(here, "rm -r d; echo file >d");
    sh(there, "echo x >d/x.log; rm file; mkdir file; echo theirs >file/x");
    EXPECT_EQ(sync(), "0 1 1 1 0") << "'d' does not go: the guest's has a file that stays";
    EXPECT_EQ(sh(there, "cat d/x.log"), "x\n");
    EXPECT_EQ(sh(here, "cat file/x"), "theirs\n");
    sh(here, "rm d; mkdir d; echo x >d/x.log");
    sh(there, "rm -r d; echo theirs >d");
    EXPECT_EQ(sync(), "0 0 0 0 1") << "and so it is here";
    EXPECT_EQ(sh(here, "cat d/x.log d.guest-conflict"), "x\ntheirs\n");
}

TEST_F(TwoWayTest, NobodyLooksIntoWhatIsIgnored)
{
    sh(here, "mkdir build; echo x >build/tracked; git add -f build/tracked");
    prepare();
    sh(there, "mkdir -p build/deep d/build/deep new/dir; echo x >d/build/deep/out; echo x >new/dir/file; echo y >build/tracked");
    EXPECT_EQ(sync(), "0 0 2 0 0");
    EXPECT_EQ(sh(here, "cat new/dir/file build/tracked; ls d"), "x\ny\nother\n");
}

TEST_F(TwoWayTest, WhatIsIgnoredIsNotWatchedThere)
{
    prepare();
    sh(there, "mkdir -p build/deep d/deep");
    CliProcess watching({"vm", "workspace", "sync", "--watch", "--two-way", "--guest-path", there, "here", here}, environment_);
    watching.expect_error("watching");
    // Each is there as a whole, and what is waited for is the last of its step.
    sh(there, "echo 1 >../whole; mv ../whole d/deep/file");
    watching.expect("d/deep/file");
    sh(there, "echo 1 >../whole; mkdir -p new/a/b d/build/deep; mv ../whole new/a/b/c");
    watching.expect("new/a/b/c");
    EXPECT_EQ(sh(here, "cat d/deep/file new/a/b/c"), "1\n1\n");
    sh(there, "echo 2 >new/a/b/c; echo 1 >new/a/b/d");
    watching.expect("new/a/b/d");
    sh(here, "rm -r new; mkdir -p mine/deep; echo 1 >mine/deep/file");
    watching.expect("mine/deep/file");
    sh(there, "echo 1 >mine/deep/theirs");
    watching.expect("mine/deep/theirs");  // which shows that it is watched by now
    // The kernel's own list of what is watched: one line for each directory, proc(5).
    EXPECT_EQ(sh(there, "for p in /proc/[0-9]*; do case \"$(tr '\\0' ' ' <$p/cmdline 2>/dev/null)\" in *'agent-tool watch '\"$PWD\"' ') "
                        "cat $p/fdinfo/* | grep '^inotify' | sed 's/.*ino:\\([0-9a-f]*\\).*/\\1/' | sort;; esac; done"),
              sh(there, "for d in . d d/deep mine mine/deep; do printf '%x\\n' $(stat -c %i $d); done | sort"));
    watching.kill(SIGINT);
    EXPECT_EQ(watching.wait().signal, SIGINT);
}

TEST_F(TwoWayTest, LargeFilesOfBothAreComparedInPieces)
{
    prepare();
    for (const auto& side : {here, there})
        sh(side, "truncate -s 256M large; head -c 3000000 /dev/zero >alike; ln -s one link");
    sh(there, "printf x | dd of=alike bs=1 seek=2999999 conv=notrunc status=none; ln -sf two link");
    EXPECT_EQ(sync(), "0 0 0 0 2");
    EXPECT_EQ(sh(here, "ls -d *.guest-conflict; readlink link.guest-conflict; cmp large " + there + "/large"),
              "alike.guest-conflict\nlink.guest-conflict\ntwo\n");
    rusage programs{};
    ASSERT_EQ(::getrusage(RUSAGE_CHILDREN, &programs), 0);
    EXPECT_LT(programs.ru_maxrss, 256 << 10) << "KiB of memory";
}

TEST_F(TwoWayTest, AConflictThatTheGuestMadeUpTakesNoIgnoredFileThere)
{
    prepare();
    const std::string made_up = "printf '0 0 0 0 secret.log\\0000 0 0 0 notes\\0' >.git/banger-conflicts";
    sh(here, "echo secret >secret.log; echo notes >notes");
    sh(there, made_up);
    EXPECT_EQ(sync("--tracked-only"), "0 0 0 0 0");
    EXPECT_EQ(sh(there, "ls"), "d\nfile\n");
    sh(there, made_up);
    EXPECT_EQ(sync(), "1 0 0 0 0") << "the one that counts goes";
    EXPECT_EQ(sh(there, "ls"), "d\nfile\nnotes\n");
}

TEST_F(TwoWayTest, AnAgreementThatTheGuestMadeUpBringsNoIgnoredFileHere)
{
    prepare();
    sh(there, "printf '33188 1000000000 0 2 secret.log\\00033188 1000000000 0 2 notes\\0' >>.git/banger-synced; "
              "echo 12 >secret.log; echo 12 >notes");
    EXPECT_EQ(sync(), "0 0 1 0 0") << "the one that counts comes";
    EXPECT_EQ(sh(here, "ls"), "d\nfile\nnotes\n");
    EXPECT_EQ(sh(there, "cat secret.log"), "12\n");
    sh(here, "echo x >forced.log; git add -f forced.log");
    EXPECT_EQ(sync(), "1 0 0 0 0");
    sh(here, "git rm -q -f forced.log");
    EXPECT_EQ(sync(), "0 1 0 0 0") << "one that is ignored now goes as well";
}

TEST_F(TwoWayTest, ASubmoduleThatOnlyTheGuestChecksOutStaysThere)
{
    sh(here, "git -c protocol.file.allow=always submodule --quiet add ./ sub; git commit -q -m sub; "
             "git submodule --quiet deinit --force sub");
    prepare();
    sh(there, "mkdir -p sub/.git; echo 1 >sub/file; echo mine >new");
    EXPECT_EQ(sync(), "0 0 1 0 0");
    EXPECT_EQ(sh(here, "cat new; ls sub"), "mine\n");
}

}  // namespace
}  // namespace banger::cli::testing
