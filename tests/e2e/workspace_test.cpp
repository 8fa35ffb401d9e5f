// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// The developer's day on a real machine: a repository goes in, work comes out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/workspace_fixture.hpp"

namespace banger::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(WorkspaceBase, RunsACommandInTheRepositoryAndPassesItsStatus)
{
    sh(repository, "echo dirty >>file; echo new >untracked; echo TOKEN >.env; touch thing.o");
    auto run = banger({"vm", "run", "--rm", "--ready", "agent", repository + "/src", "--", "sh", "-c",
                       "./program; git status --porcelain; git log --format='%s, %an'; git remote -v; exit 7"});
    EXPECT_EQ(run.status, 7) << run.err;
    EXPECT_EQ(run.out, "/root/repo\n M file\n?? .env\n?? untracked\nfirst, A. Developer\n"
                       "origin\thttps://example.org/shop.git (fetch)\norigin\thttps://example.org/shop.git (push)\n");
    EXPECT_THAT(run.err, AllOf(HasSubstr("2 untracked"), HasSubstr(".env looks like a secret")));
    auto plan = banger({"vm", "run", "--dry-run", "--tracked-only", repository});
    EXPECT_EQ(plan.status, 0) << plan.err;
    EXPECT_EQ(plan.out, ".gitignore\nbinary\nfile\nprogram\nsrc/file\n");
    sh(repository, "git commit -qam second");
    auto branched = banger({"vm", "run", "--rm", "--ready", "agent", "--branch", "try/it", "--from", "HEAD~1", repository,
                            "--", "sh", "-c", "git branch --show-current; git log --format=%s; git status --porcelain"});
    EXPECT_EQ(branched.status, 0) << branched.err;
    EXPECT_EQ(branched.out, "try/it\nfirst\n");
    EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U);
    EXPECT_TRUE(fs::is_empty(temporary));
    expect_clean(host);
}

TEST_F(WorkspaceBase, SaysWhatIsWrongBeforeAMachineIsMade)
{
    sh(home, "git clone -q --bare repo bare.git");
    using Words = std::vector<std::string>;
    for (const auto& [more, status, says] :
         {std::tuple<Words, int, std::string>{{home + "/bare.git"}, 125, "without a working tree"},
          {{home + "/none"}, 125, "a command comes after `--`"},
          {{"--branch", "a..b", repository}, 125, "cannot be the name of a branch"},
          {{"--branch", "b", "--from", "none", repository}, 125, "there is no commit 'none'"},
          {{"--from", "HEAD", repository}, 2, "--branch"},
          {{"--depth", "x", repository}, 2, "--depth"},
          {{"--branch", "b"}, 2, "none is named"}}) {
        Words call{"vm", "run"};
        call.insert(call.end(), more.begin(), more.end());
        auto refused = banger(call);
        EXPECT_EQ(refused.status, status) << refused.err;
        EXPECT_THAT(refused.err, HasSubstr(says));
    }
    EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U);
}

TEST_F(Workspace, ThousandsOfFilesWithEveryHardCaseComeBackTheSame)
{
    sh(repository, R"sh(i=0
while [ $i -lt 3000 ]; do d=many/$((i % 60)); [ $i -ge 60 ] || mkdir -p $d; echo $i >$d/$i; i=$((i + 1)); done
for name in '-rf' "a b'\"c" 'new
line' "$(printf '\377\376')" "$(printf '\303\251')" '*' ':(top)x' '\'; do echo "$name" >"$name"; done
ln -s src/file link; ln -s /nowhere dangling; mkdir dir was; echo x >dir/x; echo x >was/x; echo x >becomes; echo x >gone
head -c 300000 /dev/urandom >large.bin; printf 'no end' >end; printf 'one\r\ntwo\r\n' >crlf
mkdir sub; git init -q sub
echo s >sub/s; git -C sub add s; git -C sub commit -qm s; mv sub ../module
git submodule -q add "$PWD/../module" sub; git add -A; git commit -qm many
echo dirty >>many/1/1; echo staged >staged; git add staged; rm gone; rm becomes; mkdir becomes; echo in >becomes/in
rm -r was; echo now a file >was; echo new >untracked; echo later >later; git add -N later; chmod +x end; touch no.o
echo dirty >>sub/s; git rm -q --cached many/2/2)sh");
    prepare();
    EXPECT_EQ(in_guest(std::string("cd repo; ") + listing), sh(repository, "rm no.o\n" + std::string(listing)));
    EXPECT_EQ(in_guest("cd repo; git fsck --no-dangling --no-progress 2>&1"), "");
    EXPECT_EQ(export_it().out, "") << "nothing was done there yet";

    in_guest(R"sh(cd repo; git commit -qam 'what was here'; git checkout -q -b elsewhere
echo guest >many/3/3; rm -r many/4; rm -- -rf '*'; echo x >'another
line'; mv "$(printf '\377\376')" moved; printf 'changed\377\000' >large.bin; head -c 200000 /dev/urandom >new.bin
rm link; echo was a link >link; rm end; ln -s src/file end; chmod +x crlf; rm -r becomes; echo again >becomes
rm was; mkdir was; echo again >was/x; : >empty; echo ignored >made.o; echo forced >kept.o; git add -f kept.o
echo there >>sub/s; git -C sub commit -qam there; echo and more >>sub/s
git add -A; git commit -qm theirs; echo more >>moved
git add -A; echo and more >>moved; echo untracked >last)sh");
    const std::string index = in_guest("cd repo; sha256sum .git/index; stat -c %y .git/index; ls .git");
    auto applied = banger({"-o", "json", "vm", "workspace", "export", "--into", repository, "a"});
    EXPECT_EQ(applied.status, 0) << applied.err;
    EXPECT_THAT(applied.out, HasSubstr("\"applied_to\": \"" + repository + "\""));
    EXPECT_THAT(applied.err, HasSubstr("left out: changes in 'sub': export them with --guest-path '/root/repo/sub'"));
    EXPECT_EQ(export_it({"--guest-path", "/root/repo/sub", "--into", repository + "/sub"}).status, 0);
    EXPECT_EQ(in_guest("cd repo; sha256sum .git/index; stat -c %y .git/index; ls .git"), index);
    EXPECT_EQ(sh(repository, listing), in_guest(std::string("cd repo; rm made.o; ") + listing));
    EXPECT_EQ(sh(repository, "git log --format=%s; git branch --show-current; git -C sub status --porcelain"),
              "many\nfirst\nmain\n M s\n");
}

TEST_F(Workspace, ASparseWorktreeWithPointersToLargeFilesComesBackTheSame)
{
    sh(repository, R"sh(mkdir left; echo out >left/out; printf '*.psd filter=lfs diff=lfs merge=lfs -text\n' >.gitattributes
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 12\n' 7 >src/art.psd
git add -A; git commit -qm second; git worktree add -q -b other ../tree; cd ../tree; git sparse-checkout set src
echo here >>src/file)sh");
    const std::string tree = home + "/tree";
    auto prepared = banger({"vm", "workspace", "prepare", "a", tree + "/src"});
    ASSERT_EQ(prepared.status, 0) << prepared.err;
    EXPECT_EQ(in_guest(std::string("cd repo; ") + listing), sh(tree, listing));
    EXPECT_EQ(in_guest("cd repo; git branch --show-current; git status --porcelain"), "other\n M src/file\n");
    in_guest("cd repo; git commit -qam here; echo there >>src/file; sed -i s/12/13/ src/art.psd; git commit -qam there");

    auto command = host.command({"vm", "workspace", "export", "--apply", "a"});
    command.directory = tree + "/src";
    for (const auto& [name, value] : environment())
        command.environment.emplace_back(name, value);
    auto applied = sdk::os::run_checked(command);
    ASSERT_TRUE(applied) << applied.error().message;
    EXPECT_EQ(sh(tree, listing), in_guest(std::string("cd repo; ") + listing));
    EXPECT_EQ(sh(tree, "tail -1 src/art.psd; test ! -e left; git log --format=%s"), "size 13\nsecond\nfirst\n");
}

TEST_F(Workspace, ACopyHasNoRepositoryAndWhatIsReadonlyStaysAsItIs)
{
    prepare({"--mode", "copy", "--guest-path", "/root/copy"});
    EXPECT_EQ(in_guest(std::string("cd copy; test ! -e .git; ") + listing), sh(repository, listing));
    prepare({"--readonly", "--guest-path", "/root/fixed"});
    EXPECT_EQ(in_guest("cd fixed; git status --porcelain; ! touch new 2>&1; ! rm file 2>&1"),
              "touch: cannot touch 'new': Read-only file system\nrm: cannot remove 'file': Read-only file system\n");
    EXPECT_EQ(in_guest(std::string("cd fixed; ") + listing), sh(repository, listing));
}

TEST_F(Workspace, ExportsToAFileAndFromAnotherBase)
{
    prepare();
    EXPECT_THAT(export_it().err, HasSubstr("nothing changed"));
    in_guest("cd repo; echo more >>file; git commit -qam 1; printf '\\002' >binary; git commit -qam 2; "
             "echo end >>src/file");
    const std::string patch = home + "/fix.patch";
    ASSERT_EQ(export_it({"--output", patch}).status, 0);
    EXPECT_EQ(sh(repository, "git apply --numstat \"$1\"", patch), "-\t-\tbinary\n1\t0\tfile\n1\t0\tsrc/file\n");
    EXPECT_EQ(export_it().out, sdk::os::read_file(patch).value_or(""));
    EXPECT_THAT(export_it({"--base-commit", "HEAD~1"}).out, AllOf(HasSubstr("binary"), Not(HasSubstr("b/file"))));
    auto none = export_it({"--base-commit", "nowhere"});
    EXPECT_EQ(none.status, 1);
    EXPECT_THAT(none.err, HasSubstr("nowhere"));
    EXPECT_THAT(export_it({"--guest-path", "/root/elsewhere"}).err, HasSubstr("/root/elsewhere"));
    auto status = banger({"vm", "workspace", "status", "a"});
    EXPECT_EQ(status.out, "branch main, 2 commits since, 3 files changed\nM binary\nM file\nM src/file\n")
        << status.err;

    sh(repository, "echo mine >file");
    const std::string before = sh(repository, listing);
    auto refused = export_it({"--into", repository});
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.err, AllOf(HasSubstr("file"), HasSubstr("--output")));
    EXPECT_EQ(sh(repository, listing), before) << "all of it or nothing";
    EXPECT_EQ(export_it({"--apply", "--output", patch}).status, 2);
}

TEST_F(Workspace, WhatFailsLeavesNothingThere)
{
    prepare();
    auto again = banger({"vm", "workspace", "prepare", "a", repository});
    EXPECT_EQ(again.status, 1);
    EXPECT_THAT(again.err,
                AllOf(HasSubstr("'/root/repo' in the vm is not an empty directory"), HasSubstr("another place")));
    EXPECT_EQ(in_guest("cat repo/file"), "one\n");

    sh(repository, "head -c 3000000 /dev/urandom >large");
    in_guest("mkdir -p /small; mount -t tmpfs -o size=1M none /small");
    auto full = banger({"vm", "workspace", "prepare", "--guest-path", "/small/new/repo", "a", repository});
    EXPECT_EQ(full.status, 1);
    EXPECT_THAT(full.err, HasSubstr("No space left"));
    EXPECT_EQ(in_guest("ls -A /small/new"), "");

    prepare({"--readonly", "--guest-path", "/srv/app"});
    EXPECT_EQ(in_guest("cd /srv/app; touch x 2>/dev/null || echo refused; cat file; git status --porcelain"),
              "refused\none\n?? large\n");
    auto nothing = export_it({"--guest-path", "/srv/app"});
    EXPECT_EQ(nothing.status, 0) << nothing.err;
    EXPECT_EQ(nothing.out, "");

    in_guest("mv /usr/bin/git /usr/bin/git.away");
    auto no_git = export_it();
    EXPECT_EQ(no_git.status, 1);
    EXPECT_THAT(no_git.err, HasSubstr("there is no git in the machine"));
    prepare({"--guest-path", "/root/second"});  // needs none there
    EXPECT_EQ(in_guest("cat second/file"), "one\n");
}

/// A call of banger that can be interrupted, or lose its machine.
class Busy {
public:
    explicit Busy(sdk::os::Command command, const std::map<std::string, std::string>& environment)
    {
        for (const auto& [name, value] : environment)
            command.environment.emplace_back(name, value);
        auto child = sdk::os::spawn(command);
        EXPECT_TRUE(child);
        if (child)
            child_ = std::move(*child);
    }
    void interrupt() { child_->kill_group(SIGINT); }
    int end()
    {
        auto status = child_->wait();
        return status ? *status : -1;
    }

private:
    std::optional<sdk::os::Child> child_;
};

class WorkspaceInterrupted : public Workspace {
protected:
    void SetUp() override
    {
        Workspace::SetUp();
        // So much that it is not over before it is interrupted.
        sh(home, "mkdir big; echo x >big/begun; head -c 1500M /dev/zero | tr '\\0' x >big/file");
    }
    [[nodiscard]] Busy copy() const
    {
        return Busy(host.command({"vm", "workspace", "prepare", "a", home + "/big"}), environment());
    }
    void wait_until_it_goes() const
    {
        in_guest("until [ -s repo/begun ]; do :; done");
    }
};

TEST_F(WorkspaceInterrupted, CtrlCWhileItGoesLeavesNothing)
{
    auto call = copy();
    wait_until_it_goes();
    call.interrupt();
    EXPECT_EQ(call.end(), 128 + SIGINT);
    EXPECT_EQ(in_guest("ls -A /root/repo 2>/dev/null || echo absent"), "absent\n");
}

TEST_F(WorkspaceInterrupted, AMachineThatDiesMeanwhileEndsIt)
{
    auto call = copy();
    wait_until_it_goes();
    ASSERT_EQ(banger({"vm", "kill", "a"}).status, 0);
    EXPECT_EQ(call.end(), 1);
    ASSERT_EQ(banger({"vm", "start", "a"}).status, 0);
    prepare();
    EXPECT_EQ(in_guest(std::string("cd repo; ") + listing), sh(repository, listing)) << "and nothing of what was half there";
}

TEST_F(WorkspaceBase, CtrlCWhileItIsPreparedLeavesNothing)
{
    // A git that takes its time, and says so.
    fs::create_directories(home + "/bin");
    std::ofstream(home + "/bin/git") << "#!/bin/sh\ncase \" $* \" in *' fetch '*) echo fetching >" << home
                                     << "/marks/mark; exec sleep 1000;; esac\nexec /usr/bin/git \"$@\"\n";
    fs::permissions(home + "/bin/git", fs::perms(0755));
    fs::create_directories(home + "/marks");
    auto with_path = environment();
    with_path["PATH"] = home + "/bin:/usr/local/bin:/usr/bin:/bin";
    Busy call(host.command({"vm", "run", "--rm", repository, "--", "true"}), with_path);
    ASSERT_TRUE(wait_for_text(home + "/marks/mark", "fetching", std::chrono::seconds(60)));
    call.interrupt();
    EXPECT_EQ(call.end(), 128 + SIGINT);
    EXPECT_TRUE(fs::is_empty(temporary));
    EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U);
    expect_clean(host);
}

}  // namespace
}  // namespace banger::e2e
