// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Every kind of directory into one real machine, each to a place of its own, and what must not happen on the way.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/workspace_fixture.hpp"

namespace banger::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class WorkspaceEdges : public Workspace {
protected:
    WorkspaceEdges() : Workspace("[[file_sync]]\nhost = \"~/token\"\nguest = \"~/token\"\nmode = \"0640\"\n")
    {
        std::ofstream(home + "/token") << "secret";
    }
    /// Everything of a git directory that could change: contents, inodes and times.
    [[nodiscard]] std::string git_state() const
    {
        return sh(repository, R"(find .git -printf '%p %y %m %s %i %T@ %C@\n' | LC_ALL=C sort
find .git -type f -exec sha256sum {} + | LC_ALL=C sort)");
    }
    void goes(const std::string& path, const std::string& to, std::vector<std::string> more = {}) const
    {
        more.insert(more.end(), {"--guest-path", to});
        auto prepared = try_prepare(path, more);
        EXPECT_EQ(prepared.status, 0) << prepared.err;
    }
    Called sync(const std::string& to, std::vector<std::string> more = {}) const
    {
        more.insert(more.begin(), {"vm", "workspace", "sync", "--guest-path", to});
        more.insert(more.end(), {"a", repository});
        return banger(more);
    }
    void expect_refusals_here() const;
};

TEST_F(WorkspaceEdges, EachKindArrivesAndTheRepositoryIsOnlyRead)
{
    EXPECT_EQ(in_guest("stat -c %a token; cat token"), "640\nsecret");
    sh(repository, "git commit -q --allow-empty -m second; git config user.name 'Somebody Else'; echo u >untracked; "
                   "echo dirty >>file; git status >/dev/null");
    const std::string before = git_state();

    goes(repository, "/srv//from/", {"--branch", "try/it", "--from", "HEAD~1"});
    EXPECT_EQ(in_guest("cd /srv/from; git branch --show-current; git log --format=%s; git status --porcelain; cat file"),
              "try/it\nfirst\none\n");
    goes(repository, "/srv/new", {"--branch", "new", "--depth", "1"});
    EXPECT_EQ(in_guest("cd /srv/new; git branch --show-current; git log --format=%s; git status --porcelain; "
                       "git config user.name; git config user.email"),
              "new\nsecond\n M file\n?? untracked\nSomebody Else\ndev@example.org\n");
    goes(repository, "/srv/tracked", {"--tracked-only"});
    EXPECT_EQ(in_guest("cd /srv/tracked; git status --porcelain; git rev-list --count HEAD"), " M file\n2\n");
    goes(repository, "/srv/fixed", {"--readonly"});
    std::ofstream(repository + "/file") << "edited";
    auto fixed = sync("/srv/fixed");
    EXPECT_EQ(fixed.status, 1);
    EXPECT_THAT(fixed.err, HasSubstr("Read-only file system"));
    EXPECT_EQ(in_guest("cd /srv/fixed; cat file"), "one\ndirty\n");
    auto synced = sync("/srv/new");
    EXPECT_EQ(synced.status, 0) << synced.err;
    EXPECT_EQ(in_guest("cd /srv/new; cat file"), "edited");
    EXPECT_EQ(git_state(), before);

    sh(repository, "git checkout -q --detach; rm file; mkfifo file");
    auto odd = try_prepare(repository, {"--guest-path", "/srv/detached"});
    EXPECT_THAT(odd.err, AllOf(HasSubstr(", at "), HasSubstr("left out a FIFO, file")));
    EXPECT_EQ(in_guest("cd /srv/detached; git symbolic-ref -q HEAD || echo detached; git status --porcelain"),
              "detached\n D file\n?? untracked\n");
    sh(home, R"(git init -q -b trunk unborn; echo a >unborn/a; git -C unborn add a
mkdir -p plain/sub/empty; echo x >plain/.hidden; echo k >plain/sub/id_rsa; ln -s .hidden plain/link; mkfifo plain/pipe)");
    goes(home + "/unborn", "/srv/unborn");
    EXPECT_EQ(in_guest("cd /srv/unborn; git symbolic-ref HEAD; git status --porcelain"), "refs/heads/trunk\n?? a\n");
    auto plain = try_prepare(home + "/plain", {"--guest-path", "/srv/plain"});
    EXPECT_EQ(plain.status, 0) << plain.err;
    EXPECT_THAT(plain.err, AllOf(HasSubstr("sub/id_rsa looks like a secret"), HasSubstr("left out a FIFO, ./pipe")));
    EXPECT_EQ(in_guest("cd /srv/plain; find . | LC_ALL=C sort; readlink link"),
              ".\n./.hidden\n./link\n./sub\n./sub/empty\n./sub/id_rsa\n.hidden\n");

    // A filter as git-lfs is one: the content goes, not its pointer, and what changed there comes back as content.
    sh(home, R"(git init -q -b main large; cd large; git config filter.lfs.clean 'sed s/content/pointer/'
git config filter.lfs.smudge 'sed s/pointer/content/'; git config filter.lfs.required true
echo '*.big filter=lfs diff=lfs merge=lfs -text' >.gitattributes; echo content >a.big; echo content >b.big
touch -d '2 hours ago' a.big; git add -A; git commit -qm large; echo content 2 >b.big; touch -d '1 hour ago' b.big)");
    EXPECT_EQ(sh(home, "git -C large cat-file -p HEAD:a.big"), "pointer\n");
    goes(home + "/large", "/srv/large");
    EXPECT_EQ(in_guest("cd /srv/large; cat a.big b.big; git status --porcelain; echo content 3 >>a.big; git commit -qam 3"),
              "content\ncontent 2\n M b.big\n");
    auto filtered = export_it({"--guest-path", "/srv/large", "--into", home + "/large"});
    EXPECT_EQ(filtered.status, 0) << filtered.err;
    EXPECT_EQ(sh(home, "cd large; cat a.big b.big; git diff HEAD -- a.big | tail -1"),
              "content\ncontent 3\ncontent 2\n+pointer 3\n");

    in_guest("chown -R daemon /srv/large; echo more >>/srv/large/b.big");
    auto given_away = export_it({"--guest-path", "/srv/large"});
    EXPECT_EQ(given_away.status, 0) << given_away.err;
    EXPECT_THAT(given_away.out, HasSubstr("+more"));
    auto no_repository = export_it({"--guest-path", "/srv/plain"});
    EXPECT_EQ(no_repository.status, 1);
    EXPECT_THAT(no_repository.err, AllOf(HasSubstr("no git repository there"), HasSubstr("vm cp")));

    in_guest("mkdir /small; mount -t tmpfs -o size=3M none /small");
    goes(home + "/unborn", "/small/repo");
    in_guest("cd /small/repo; echo b >>a; head -c 9M /dev/zero >/small/filler 2>/dev/null || :");
    EXPECT_THAT(export_it({"--guest-path", "/small/repo"}).out, HasSubstr("+b"));

    in_guest("truncate -s 1G holes; printf end >>holes");
    auto out = banger({"vm", "cp", "a:holes", home + "/holes"});
    EXPECT_EQ(out.status, 0) << out.err;
    struct stat holes {};
    ASSERT_EQ(::stat((home + "/holes").c_str(), &holes), 0);
    EXPECT_EQ(holes.st_size, (off_t{1} << 30) + 3);
    EXPECT_LT(holes.st_blocks, 1000);
    expect_refusals_here();
}

/// Places here that nobody can write to, root neither.
void WorkspaceEdges::expect_refusals_here() const
{
    CallOptions options;
    options.environment = environment();
    options.environment["TMPDIR"] = home + "/nowhere";
    for (const auto& call : {std::vector<std::string>{"prepare", "a", home + "/unborn", "--guest-path", "/srv/never"},
                             {"export", "a", "--guest-path", "/srv/new"}}) {
        auto words = call;
        words.insert(words.begin(), {"vm", "workspace"});
        auto refused = host.banger(words, options);
        EXPECT_EQ(refused.status, 1);
        EXPECT_THAT(refused.err, AllOf(HasSubstr("temporary directory in " + home + "/nowhere"), HasSubstr("TMPDIR")));
    }
    EXPECT_EQ(in_guest("ls /srv/never 2>/dev/null || echo none"), "none\n");
    auto output = export_it({"--guest-path", "/srv/new", "--output", home + "/nowhere/patch"});
    EXPECT_EQ(output.status, 1);
    EXPECT_THAT(output.err, HasSubstr(home + "/nowhere"));
    auto copied = banger({"vm", "cp", "a:token", "/proc/token"});
    EXPECT_EQ(copied.status, 1);
    EXPECT_THAT(copied.err, HasSubstr("token"));
}

// Of an ordinary user, whom modes of files keep from something.
class WorkspaceByUser : public WorkspaceEdges {};

TEST_F(WorkspaceByUser, WhatMayNotBeReadOrWrittenHereIsLostNowhere)
{
    sh(repository, "rm file; git checkout -q main -- file; mkdir ro; for f in a ro/b z; do seq 9 >$f; done; git add -A; "
                   "git commit -qm more");
    goes(repository, "/srv/more");
    sh(repository, "chmod 0 src");
    auto unreadable = sync("/srv/more");
    EXPECT_EQ(unreadable.status, 1);
    EXPECT_THAT(unreadable.err, HasSubstr("cannot read 'src'"));
    auto tracked = sync("/srv/more", {"--tracked-only"});
    EXPECT_EQ(tracked.status, 0) << tracked.err;
    EXPECT_THAT(tracked.err, HasSubstr("cannot read 'src/file' here"));
    EXPECT_EQ(in_guest("cd /srv/more; cat src/file"), "two\n") << "it is not gone here";
    EXPECT_THAT(try_prepare(repository, {"--guest-path", "/srv/never"}).err, HasSubstr("cannot read 'src'"));

    in_guest("cd /srv/more; sed -i s/1/x/ a ro/b z");
    sh(repository, "chmod 755 src; echo mine >>z; chmod 555 ro");
    const std::string before = sh(repository, listing);
    auto half = export_it({"--guest-path", "/srv/more", "--into", repository});
    EXPECT_EQ(half.status, 1);
    EXPECT_THAT(half.err, AllOf(HasSubstr("nothing here was changed"), HasSubstr(temporary + "/banger-")));
    EXPECT_EQ(sh(repository, listing), before);
    EXPECT_EQ(sh(home, "cat tmp/banger-*/patch"), export_it({"--guest-path", "/srv/more"}).out);
    sh(repository, "chmod 755 ro; rm -r ../tmp/banger-*");
}

}  // namespace
}  // namespace banger::e2e
