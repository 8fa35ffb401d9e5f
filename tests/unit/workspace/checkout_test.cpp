// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "banger/sdk/os/file.hpp"
#include "tests/unit/workspace/repositories.hpp"

namespace banger::workspace {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CheckoutTest : public Repositories {};

TEST_F(CheckoutTest, IsARepositoryLikeTheOneHere)
{
    make_repository();
    sh(host, R"(git config branch.main.remote origin; git config branch.main.merge refs/heads/main
git config user.email work@example.org)");
    send();
    EXPECT_EQ(tree_of(guest), tree_of(host));
    EXPECT_EQ(changes_in(guest), "");
    for (const std::string question :
         {"git log --format='%H %an %ad %s'", "git symbolic-ref HEAD", "git remote -v", "git config user.name",
          "git config user.email", "git config branch.main.merge", "git ls-files -s"})
        EXPECT_EQ(sh(guest, question), sh(host, question)) << question;
    EXPECT_EQ(sh(guest, "git diff-files --name-only"), "") << "the index knows the files without reading them";
    EXPECT_EQ(sh(guest, "./program"), "ran\n");
}

TEST_F(CheckoutTest, CarriesTheWorkingTreeAsItIs)
{
    make_repository();
    sh(host, R"(echo edited >>file; rm binary; chmod -x program; echo new >untracked; echo x >thing.o
echo staged >staged; git add staged; git rm -q --cached src/deep/file; rm dangling; mkdir dangling; echo in >dangling/in
echo later >later; git add -N later)");
    send();
    EXPECT_EQ(sh(host, "mkdir ../want; cp -a . ../want; rm ../want/thing.o; echo done"), "done\n");
    EXPECT_EQ(tree_of(guest), tree_of(place + "/want"));
    // The same changes, whatever was staged here of them.
    constexpr const char* all = "git add -A; git status --porcelain";
    EXPECT_EQ(sh(guest, all), sh(place + "/want", all));
}

TEST_F(CheckoutTest, WhatWasTakenOutOfTheIndexIsNotAChangeOfTheGuests)
{
    make_repository();
    sh(host, R"(git rm -q binary; git rm -q --cached file; echo /file >>.gitignore; git rm -qr --cached src)");
    CheckoutOptions tracked;
    tracked.tracked_only = true;
    for (const auto& options : {CheckoutOptions{}, tracked}) {
        send(options);
        EXPECT_FALSE(fs::exists(guest + "/file")) << "it is ignored now";
        EXPECT_EQ(fs::exists(guest + "/src"), !options.tracked_only);
        sh(guest, "echo changed >program");
        EXPECT_THAT(exported(), Not(HasSubstr("src/deep")));
    }
    send();
    sh(guest, "echo changed >program; rm src/deep/file; echo and >src/more");
    const std::string file = place + "/patch";
    ASSERT_TRUE(sdk::os::write_file_atomic(file, exported()));
    sh(host, "git apply ../patch");
    EXPECT_EQ(sh(host, "cat program src/more; ls src; ls file"), "changed\nand\nmore\nfile\n");
}

TEST_F(CheckoutTest, KeepsNamesOfAnyBytes)
{
    make_repository();
    for (const std::string name : {"new\nline", "\xff\xfe", "-rf", "a b'\"c", "tab\t", "\\", "*", "\xc3\xa9", ":(top)x",
                                   " ", "src/\x01"}) {
        std::ofstream(host + "/" + name) << name;
        std::ofstream(host + "/" + name + ".untracked") << name;
    }
    sh(host, "git add -A; git reset -q -- '*.untracked'; git commit -qm odd; echo >>'-rf'");
    send();
    EXPECT_EQ(tree_of(guest), tree_of(host));
    EXPECT_EQ(changes_in(guest), changes_in(host));
    std::ofstream(guest + "/new\nline") << "guest";
    std::ofstream(guest + "/\xff\xfe.untracked") << "guest";
    sh(guest, "rm -- -rf '*'; git commit -qam guest; mv ' ' '  '");
    expect_round_trip();
}

TEST_F(CheckoutTest, BringsEveryKindOfChangeBack)
{
    make_repository();
    sh(host, "echo dirty >>src/deep/file; echo new >untracked; printf 'no end' >end; mkdir d; "
             "echo x >d/f; git add d end; git commit -qm d -- d end");
    send();
    sh(guest, R"(git commit -qam 'what was here'
printf '\000\002' >binary; rm file; mkdir file; echo in >file/in; rm -r d; echo was a directory >d
rm link; echo was a link >link; rm program; ln -s end program; chmod +x end; mv untracked moved
: >empty; printf 'longer, still no end' >end; echo x >thing.o; echo forced >kept.o; mkdir o.o; echo x >o.o/new
git add -f kept.o o.o; rm -r o.o; git add -A; git commit -qm theirs; echo after >>moved)");
    EXPECT_EQ(sh(guest, "git rm -q --cached d; rm thing.o; git status --porcelain"), "D  d\n M moved\n?? d\n");
    expect_round_trip();
}

TEST_F(CheckoutTest, AFileBecameADirectoryAndBack)
{
    make_repository();
    sh(host, "rm file; mkdir file; echo in >file/in; rm -r src; echo now a file >src");
    send();
    EXPECT_EQ(tree_of(guest), tree_of(host));
    EXPECT_EQ(changes_in(guest), changes_in(host));
    sh(guest, "rm -r file; echo one >file; rm src; mkdir src; echo x >src/x");
    expect_round_trip();
}

TEST_F(CheckoutTest, DoesNotLookBehindALink)
{
    make_repository();
    sh(place, "mkdir -p outside/deep; echo secret >outside/deep/file; rm -r host/src; ln -s ../outside host/src");
    send();
    EXPECT_EQ(sh(guest, "readlink src; git status --porcelain; find . -path ./.git -prune -o -name deep -print"),
              "../outside\n D src/deep/file\n?? src\n");
}

TEST_F(CheckoutTest, DetachedAndUnborn)
{
    make_repository();
    sh(host, "git checkout -q HEAD~1");
    send();
    EXPECT_EQ(sh(guest, "git log --format=%s; git symbolic-ref -q HEAD || echo none"), "first\nnone\n");
    EXPECT_EQ(sh(guest, "git rev-parse HEAD"), sh(host, "git rev-parse HEAD"));
    fs::remove_all(host);
    fs::create_directory(host);
    sh(host, "git init -q -b trunk; echo a >a; echo b >b; git add b; echo b >>b");
    send();
    EXPECT_EQ(sh(guest, "git symbolic-ref HEAD; git status --porcelain; cat b"),
              "refs/heads/trunk\n?? a\n?? b\nb\nb\n");
    sh(guest, "git add -A; git commit -qm first; echo more >>a");
    sh(host, "git rm -qf --cached b");
    expect_round_trip();
}

TEST_F(CheckoutTest, AWorktreeAndALinkedGitDirectory)
{
    make_repository();
    sh(host, "git worktree add -q -b other ../tree HEAD~1; echo here >>../tree/file; echo x >x; "
             "echo x >>.git/info/exclude");
    send({}, "tree/src");
    EXPECT_EQ(tree_of(guest), tree_of(place + "/tree"));
    EXPECT_EQ(sh(guest, "test -d .git; git branch --show-current; git log --format=%s; git status --porcelain"),
              "other\nfirst\n M file\n");
    sh(place, "git clone -q --separate-git-dir elsewhere.git host linked");
    send({}, "linked");
    EXPECT_EQ(sh(guest, "test -d .git; git log -1 --format=%s; git status --porcelain"), "second\n");
}

TEST_F(CheckoutTest, Submodules)
{
    make_repository();
    sh(place, R"(for name in inner middle; do
    git init -q -b main $name; (cd $name; echo $name >file; git add file; git commit -qm $name)
done
(cd middle; git submodule -q add "$PWD/../inner" deep/inner; git commit -qm submodule)
cd host; git submodule -q add "$PWD/../middle" 'sub mod'
git submodule -q update --init --recursive; git commit -qm submodule
git submodule -q add "$PWD/../inner" gone; git commit -qm gone; git submodule -q deinit -f gone)");
    send();
    EXPECT_EQ(sh(guest, "git status --porcelain; git -C 'sub mod' log -1 --format=%s; "
                        "git -C 'sub mod/deep/inner' status --porcelain; cat 'sub mod/deep/inner/file'; ls gone"),
              "submodule\ninner\n");
    EXPECT_EQ(tree_of(guest), tree_of(host));
    sh(host, "echo dirty >>'sub mod/deep/inner/file'; echo new >'sub mod/new'; echo k >'sub mod/deep/inner/id_rsa'");
    send();
    const auto plan = Checkout::plan(host, {}, -1);
    ASSERT_TRUE(plan);
    EXPECT_THAT(plan->all_files().untracked, ElementsAre("sub mod/new", "sub mod/deep/inner/id_rsa"));
    EXPECT_THAT(plan->all_files().secrets(), ElementsAre("sub mod/deep/inner/id_rsa"));
    EXPECT_EQ(tree_of(guest), tree_of(host));
    EXPECT_EQ(sh(guest, "git -C 'sub mod/deep/inner' diff --name-only; git -C 'sub mod' ls-files -o"), "file\nnew\n");
    EXPECT_EQ(sh(guest, "git submodule status | cut -c 1,43-"), sh(host, "git submodule status | cut -c 1,43-"));
    CheckoutOptions options;
    options.tracked_only = true;
    send(options);
    EXPECT_FALSE(fs::exists(guest + "/sub mod/new"));
    sh(guest, "echo here >>file");
    sh(host, "echo x >/dev/null");
    EXPECT_THAT(exported(), Not(HasSubstr("sub mod")));
    EXPECT_EQ(said(), "");
}

// A machine whose clock is behind gives an edit the time that the file had here already.
TEST_F(CheckoutTest, AnEditOfTheSameSizeAndTimeIsSeen)
{
    make_repository();
    sh(host, "touch -d \"@$(($(date +%s) + 2))\" src/deep/file");
    send();
    sh(guest, "time=$(stat -c %Y src/deep/file); echo owt >src/deep/file; touch -d @$time src/deep/file; "
              "until [ $(date +%s) -gt $((time + 1)) ]; do :; done");
    EXPECT_THAT(exported(), HasSubstr("+owt"));
}

TEST_F(CheckoutTest, WhatChangedInARepositoryInsideIsNamed)
{
    make_repository();
    sh(place, R"(for name in inner middle; do
    git init -q -b main $name; (cd $name; echo $name >file; git add file; git commit -qm $name)
done
(cd middle; git submodule -q add "$PWD/../inner" inner; git commit -qm submodule)
cd host; git submodule -q add "$PWD/../middle" 'sub mod'; git submodule -q update --init --recursive; git commit -qm sub
echo dirty >>'sub mod/file')");
    send();
    sh(guest, "echo x >>'sub mod/inner/file'; git -C 'sub mod/inner' commit -qam theirs; echo more >>file");
    EXPECT_THAT(exported(), Not(HasSubstr("sub mod")));
    EXPECT_EQ(said(), "note: left out: changes in 'sub mod/inner': export them with --guest-path '" + guest +
                          "/sub mod/inner'\n");
    sh(guest, "echo x >>'sub mod/new'; git init -q own; echo x >own/file; git init -q full; cd full; echo y >file; "
              "git add file; git commit -qm own");
    EXPECT_THAT(exported(), HasSubstr("+more"));
    EXPECT_THAT(said(), HasSubstr("changes in 'sub mod':"));
    EXPECT_THAT(said(), HasSubstr("changes in 'sub mod/inner':"));
    EXPECT_THAT(said(), HasSubstr("left out: 'own', a repository that was made there"));
    EXPECT_THAT(said(), HasSubstr("left out: 'full', a repository that was made there"));
    EXPECT_EQ(sh(guest, "find . -name 'banger-export*'"), "");
}

TEST_F(CheckoutTest, AFullDiskInTheGuestIsNoHindranceToAnExport)
{
    if (::getuid() != 0)
        GTEST_SKIP() << "only root can mount a small file system";
    make_repository();
    sh(place, "mkdir small");
    EXPECT_EQ(in_a_child([&] {
                  if (!mount_small(place + "/small", "2M"))
                      return false;
                  send();
                  sh(place, "cp -a guest/. small; cd small; head -c 100000 /dev/urandom >new; echo x >>file");
                  sh(place, "head -c 3M /dev/zero >small/filler.o 2>/dev/null || rm -rf guest; ln -s small guest");
                  const auto patch = exported();
                  return patch.find("+x") != std::string::npos && patch.size() > 100'000 && !HasFailure() &&
                         sh(guest, "find . -name 'banger-export*'").empty();
              }),
              0);
}

TEST_F(CheckoutTest, SparseCheckoutSplitIndexAndShallowRepository)
{
    make_repository();
    sh(host, "mkdir a b; echo a >a/f; echo b >b/f; git add a b; git commit -qm ab; git sparse-checkout set --cone a");
    send();
    EXPECT_EQ(tree_of(guest), tree_of(host));
    EXPECT_EQ(sh(guest, "git status --porcelain; ls; git ls-tree --name-only refs/banger/base"),
              sh(host, "ls; git ls-tree --name-only HEAD"));
    EXPECT_EQ(exported("HEAD"), "");
    sh(host, "git sparse-checkout reapply --sparse-index");
    send();
    EXPECT_EQ(sh(guest, "git status --porcelain"), "");
    EXPECT_EQ(exported("HEAD"), "");
    sh(host, "git sparse-checkout reapply --no-sparse-index; git update-index --split-index; ls .git/sharedindex.*");
    send();
    EXPECT_EQ(sh(guest, "git status --porcelain"), "");
    EXPECT_EQ(tree_of(guest), tree_of(host));
    sh(guest, "echo changed >>a/f");
    expect_round_trip();
    sh(place, "git clone -q --depth 1 file://$PWD/host shallow; echo x >>shallow/file");
    send({}, "shallow");
    EXPECT_EQ(sh(guest, "git log --format=%s; git status --porcelain"), "ab\n M file\n");
}

TEST_F(CheckoutTest, Sha256)
{
    make_repository("git init -q -b main --object-format=sha256 .");
    sh(host, "echo x >>file");
    send();
    EXPECT_EQ(sh(guest, "git rev-parse HEAD; git status --porcelain"), sh(host, "git rev-parse HEAD; echo ' M file'"));
    sh(guest, "printf '\\001' >binary");
    expect_round_trip();
}

TEST_F(CheckoutTest, FiltersAndLineEndings)
{
    make_repository();
    sh(host, R"(git config filter.lfs.clean 'sed s/content/pointer/'
git config filter.lfs.smudge 'sed s/pointer/content/'
git config filter.lfs.required true; echo '*.big filter=lfs -text' >.gitattributes; echo content >a.big; echo content >b.big
touch -d '2 hours ago' a.big; git add -A; git commit -qm big
echo content 2 >b.big; touch -d '1 hour ago' b.big; git config core.autocrlf true
printf 'one\r\ntwo\r\n' >crlf; git add crlf 2>/dev/null; git commit -qm crlf; printf 'three\r\n' >>crlf)");
    EXPECT_EQ(sh(host, "git cat-file -p HEAD:a.big; git cat-file -p HEAD:crlf"), "pointer\none\ntwo\n");
    send();
    EXPECT_EQ(tree_of(guest), tree_of(host)) << "contents, not pointers";
    EXPECT_EQ(sh(guest, "git diff --name-only"), "b.big\ncrlf\n");
    EXPECT_EQ(sh(guest, "git cat-file -p refs/banger/base:b.big"), "pointer 2\n") << "as the host would commit it";
    sh(guest, "printf 'four\\r\\n' >>crlf; echo another content >a.big; git add a.big; git commit -qm big; echo 3 >>b.big");
    expect_round_trip();
    EXPECT_EQ(sh(host, "cat a.big b.big; git diff HEAD -- a.big | tail -1"), "another content\ncontent 2\n3\n+another pointer\n");
}

TEST_F(CheckoutTest, AMergeInConflict)
{
    make_repository();
    sh(host, R"(git checkout -qb other; echo theirs >file; git commit -qam theirs; git checkout -q main
echo ours >file; git commit -qam ours; git merge -q other >/dev/null || :; git ls-files -u | grep -q file)");
    send();
    EXPECT_EQ(tree_of(guest), tree_of(host));
    EXPECT_EQ(sh(guest, "git status --porcelain"), " M file\n");
}

TEST_F(CheckoutTest, DepthAndBranch)
{
    make_repository();
    sh(host, "echo 3 >file; git commit -qam third; git tag v3; git branch old HEAD~2; "
             "echo dirty >>file; echo new >new");
    for (const auto& [depth, log] : {std::pair<int, std::string>{1, "third\n"}, {2, "third\nsecond\n"},
                                     {0, "third\nsecond\nfirst\n"}, {100, "third\nsecond\nfirst\n"}}) {
        CheckoutOptions options;
        options.depth = static_cast<std::uint64_t>(depth);
        send(options);
        EXPECT_EQ(sh(guest, "git log --format=%s"), log);
        EXPECT_EQ(tree_of(guest), tree_of(host));
    }
    CheckoutOptions options;
    options.branch = "try/it";
    send(options);
    EXPECT_EQ(sh(guest, "git branch --show-current; git log -1 --format=%s"), "try/it\nthird\n");
    EXPECT_EQ(tree_of(guest), tree_of(host)) << "from here, with what is not committed";
    for (const std::string from : {"old", "v3~2", "HEAD~2"}) {
        options.from = from;
        send(options);
        EXPECT_EQ(sh(guest, "git branch --show-current; git log --format=%s; git status --porcelain; cat file"),
                  "try/it\nfirst\none\n");
        EXPECT_FALSE(fs::exists(guest + "/new"));
    }
}

TEST_F(CheckoutTest, AnotherCommitWithASubmodule)
{
    make_repository();
    sh(place, "git init -q inner; echo in >inner/in; git -C inner add in; git -C inner commit -qm inner; cd host; "
              "git submodule -q add \"$PWD/../inner\" sub; git commit -qm sub; git rm -qf sub; echo gone >new; git add new; "
              "git commit -qm without");
    CheckoutOptions options;
    options.branch = "b";
    options.from = "HEAD~1";
    auto checkout = Checkout::plan(host, options, -1);
    ASSERT_TRUE(checkout) << checkout.error().message;
    EXPECT_THAT(checkout->names(), ::testing::AllOf(::testing::Contains("./.gitmodules"), ::testing::Contains("./file"),
                                                    ::testing::Not(::testing::Contains("./sub")),
                                                    ::testing::Not(::testing::Contains("./new"))));
    EXPECT_THAT(checkout->files().hollow, ElementsAre("sub"));
    send(options);
    EXPECT_EQ(sh(guest, "git log -1 --format=%s; git status --porcelain; ls -A sub; git ls-files -s sub | cut -c 1-7"),
              "sub\n160000 \n");
}

TEST_F(CheckoutTest, SomebodyElsesThatTheUserTrusts)
{
    if (::getuid() != 0)
        GTEST_SKIP() << "only root can give a repository away";
    make_repository();
    sh(place, "chown -R 65534:65534 host; git config --global --add safe.directory \"$PWD/host\"");
    send();
    EXPECT_EQ(sh(guest, "git log -1 --format=%s; git status --porcelain"), "second\n");
}

TEST(LooksSecret, ByItsName)
{
    for (const char* name :
         {".env", "prod.env", ".env.local", ".envrc", "tls/server.pem", "server.KEY", "a.p12", "a.pfx", "store.jks", "x.keystore",
          "pass.kdbx", "putty.ppk", "home.ovpn", "prod.tfvars", "id_rsa", "src/id_ed25519", "service-account.json",
          "service_account_7.json", "client_secret.json", "credentials", "aws_credentials", "private_key.txt",
          "application_default_credentials.json", "secrets/prod.yml", "deploy/.aws/config", ".netrc", ".npmrc", ".pypirc",
          ".pgpass", ".htpasswd", ".git-credentials", "kubeconfig", ".kube/config", ".vault-token", "password.txt"})
        EXPECT_TRUE(looks_secret(name)) << name;
    for (const char* name : {"environment", ".env.example", "id_rsa.pub", "key.cpp", "notes.txt", "monkey", "src/main.c",
                             "my.ssh/notes", "secretary"})
        EXPECT_EQ(looks_secret(name), std::string_view(name) == "secretary") << name << ": better one too many";
}

TEST_F(CheckoutTest, LeavesOutWhatItShould)
{
    make_repository();
    sh(host, R"(echo '*.global' >../home/ignored; git config --global core.excludesFile '~/ignored'
echo local >>.git/info/exclude
touch a.o a.global local .env src/id_ed25519 notes.txt id_rsa.pub; mkdir only; touch only/a.o
git init -q nested; touch nested/file; git -c core.hooksPath=/nowhere commit -q --allow-empty -m x)");
    auto checkout = Checkout::plan(host, {}, -1);
    ASSERT_TRUE(checkout);
    EXPECT_THAT(checkout->files().secrets(), ElementsAre(".env", "src/id_ed25519"));
    EXPECT_THAT(checkout->files().nested, ElementsAre("nested"));
    send();
    EXPECT_EQ(sh(guest, "git status --porcelain"), "?? .env\n?? id_rsa.pub\n?? notes.txt\n?? src/id_ed25519\n");
    sh(guest, "touch b.o b.global local");
    EXPECT_EQ(exported(), "") << "ignored here, ignored there";
    CheckoutOptions options;
    options.tracked_only = true;
    send(options);
    EXPECT_EQ(sh(guest, "git status --porcelain"), "");
}

TEST_F(CheckoutTest, FilesWithoutARepository)
{
    make_repository();
    sh(host, "touch a.o new");
    CheckoutOptions options;
    options.files_only = true;
    send(options);
    sh(host, "rm a.o");
    EXPECT_EQ(tree_of(guest), tree_of(host));
    EXPECT_FALSE(fs::exists(guest + "/.git"));
    sh(place, "mkdir -p plain/sub/empty; echo x >plain/.hidden; ln -s x plain/l; cp -r host plain/sub/repository");
    send({}, "plain");
    EXPECT_EQ(sh(place, "diff -r --no-dereference plain guest"), "");
}

TEST_F(CheckoutTest, LeavesOutWhatIsNoFile)
{
    make_repository();
    sh(host, "mkfifo pipe; rm file; mkfifo file");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = host + "/socket";
    ASSERT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    const sdk::os::UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    sh(host, "echo '*.sock' >.git/info/exclude; mkfifo known.sock src/pipe");
    EXPECT_THAT(send().skipped, ::testing::UnorderedElementsAre("file: a FIFO", "pipe: a FIFO", "socket: a socket",
                                                                "src/pipe: a FIFO"));
    EXPECT_EQ(sh(guest, "git status --porcelain"), " D file\n");
    sh(place, "mkdir plain; mkfifo plain/p; touch plain/f plain/.env");
    const bool has_device = ::mknod((place + "/plain/device").c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0;
    auto plain = Checkout::plan(place + "/plain", {}, -1);
    ASSERT_TRUE(plain) << plain.error().message;
    EXPECT_THAT(plain->names(), ElementsAre("./.env", "./f")) << "what a plan names goes";
    EXPECT_THAT(plain->all_files().secrets(), ElementsAre(".env"));
    const auto skipped = send({}, "plain").skipped;
    EXPECT_THAT(skipped, ::testing::Contains("./p: a FIFO"));
    if (has_device) {  // root's
        EXPECT_THAT(skipped, ::testing::Contains("./device: a device"));
    }
    EXPECT_EQ(sh(guest, "ls -A"), ".env\nf\n");
}

TEST_F(CheckoutTest, IsNotLedElsewhereByTheEnvironment)
{
    make_repository();
    sh(place, "git init -q other");
    ::setenv("GIT_DIR", (place + "/other/.git").c_str(), 1);
    ::setenv("GIT_INDEX_FILE", "/nowhere/index", 1);
    auto checkout = Checkout::plan(host, {}, -1);
    const auto staged = checkout ? checkout->stage() : sdk::Result<void>(checkout.error());
    ::unsetenv("GIT_DIR");
    ::unsetenv("GIT_INDEX_FILE");
    ASSERT_TRUE(staged) << staged.error().message;
    EXPECT_EQ(checkout->repository().head + "\n", sh(host, "git rev-parse HEAD"));
}

TEST_F(CheckoutTest, RunsNoHook)
{
    make_repository();
    sh(place, R"(mkdir hooks; for hook in post-index-change reference-transaction post-checkout pre-commit; do
    printf '#!/bin/sh\ntouch "%s/ran-%s"\n' "$PWD" $hook >hooks/$hook; chmod +x hooks/$hook; done
git config --global core.hooksPath "$PWD/hooks")");
    auto checkout = Checkout::plan(host, {false, false, "b", "HEAD~1", 0}, -1);
    ASSERT_TRUE(checkout);
    ASSERT_TRUE(checkout->stage());
    EXPECT_EQ(sh(place, "ls | grep ran- || :"), "");
}

TEST_F(CheckoutTest, WhatIsEditedBeforeItGoesIsNotTheGuestsWork)
{
    make_repository();
    auto sent = try_send({}, "host", [&] { sh(host, "echo edited >>file; echo new >new; rm binary; echo x >x.o"); });
    ASSERT_TRUE(sent) << sent.error().message;
    EXPECT_EQ(sh(guest, "git status --porcelain"), " D binary\n M file\n?? new\n");
}

TEST_F(CheckoutTest, WhatIsEditedWhileItGoesIsNotTheGuestsWork)
{
    make_repository();
    sh(host, "echo untracked >.untracked");
    auto sent = try_send({}, "host", [&] {
        sh(host, "echo '*.x' >>.gitignore; rm binary program; echo edited >>file; echo new >new; echo x >x.o; "
                 "echo edited >>.untracked");
    }, Moment::going);
    ASSERT_TRUE(sent) << sent.error().message;
    EXPECT_EQ(sh(guest, "git status --porcelain"), " M .gitignore\n D binary\n M file\n D program\n?? .untracked\n?? new\n");
    sh(host, "rm x.o");
    EXPECT_EQ(tree_of(guest), tree_of(host));
    EXPECT_THAT(sent->changed, IsEmpty());

    // What went before it was deleted is there, and no work of the guest's either.
    sent = try_send({}, "host", [&] { sh(host, "rm .gitignore .untracked"); }, Moment::going);
    ASSERT_TRUE(sent) << sent.error().message;
    EXPECT_EQ(sh(guest, "test ! -e .untracked; tail -1 .gitignore"), "*.x\n");
}

TEST_F(CheckoutTest, WhatChangesWhileItIsReadGoesAgain)
{
    make_repository();
    sh(host, "head -c 3000000 /dev/zero >large; echo small >small; git add -A; git commit -qm large");
    int times = 0;
    const auto write_into_it = [&](int most) {
        return [&, most] {
            if (times++ < most)
                sh(host, "echo $1 >>large", {std::to_string(times)});
        };
    };
    auto sent = try_send({}, "host", write_into_it(1), Moment::always);
    ASSERT_TRUE(sent) << sent.error().message;
    EXPECT_THAT(sent->changed, IsEmpty()) << "it came to rest";
    EXPECT_EQ(tree_of(guest), tree_of(host));
    times = 0;
    sent = try_send({}, "host", write_into_it(1000), Moment::always);
    ASSERT_TRUE(sent) << sent.error().message;
    EXPECT_THAT(sent->changed, ElementsAre("./large")) << "it never did";
    EXPECT_EQ(sh(guest, "cat small"), "small\n");
}

TEST_F(CheckoutTest, ARepositoryInAnOddPlace)
{
    const std::string odd = place + "/a b%41\n'\"\xff?#";
    fs::create_directory(odd);
    sh(odd, "git init -q -b main; echo x >x; git add x; git commit -qm x");
    auto checkout = Checkout::plan(odd, {}, -1);
    ASSERT_TRUE(checkout) << checkout.error().message;
    EXPECT_EQ(checkout->repository().root, odd);
    auto staged = checkout->stage();
    EXPECT_TRUE(staged) << staged.error().message;
}

}  // namespace
}  // namespace banger::workspace
