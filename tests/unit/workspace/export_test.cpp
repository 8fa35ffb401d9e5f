// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/export.hpp"

#include <filesystem>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "tests/unit/workspace/repositories.hpp"

namespace banger::workspace {
namespace {

namespace fs = std::filesystem;

class ApplyTest : public Repositories {
protected:
    // What is said of everything here, modes of directories included.
    std::string state() const
    {
        return tree_of(host) + sh(host, "find . -name .git -prune -o -type d -printf '%p %m\\n' | sort");
    }
    /// The working tree's changes as a patch, which are taken back.
    std::string take_patch()
    {
        const std::string patch = sh(host, "git add -A; git diff --cached --binary --no-renames; git reset -q --hard");
        EXPECT_TRUE(sdk::os::write_file_atomic(place + "/patch", patch, 0644));
        return place + "/patch";
    }
};

TEST_F(ApplyTest, WhatStopsHalfWayLeavesEverythingAsItWas)
{
    if (::getuid() != 0)
        GTEST_SKIP() << "only root can run this as another user";
    make_repository();
    sh(host, "mkdir -p ro gone/deep; for f in a m ro/b gone/deep/c z; do seq 20 >$f; done; ln -s a l; echo was a file >t; git add -A; "
             "git commit -qm more");
    sh(host, "sed -i s/^1$/x/ a ro/b z; rm l; rm -r gone; ln -sf z t; rm m; mkdir -p m/n new/dir; echo in >m/n/f; echo new >new/dir/f");
    const std::string patch = take_patch();
    sh(host, "echo mine >>z; touch -d '2 hours ago' a z; chmod 555 ro; chmod 700 gone/deep; chown -R 65534:65534 ..; "
             "chmod a+rx ..");
    const std::string before = state();
    EXPECT_EQ(as_nobody([&] {
                  auto temporary = TemporaryDirectory::make();
                  fs::copy_file(patch, temporary->path() + "/patch");
                  auto applied = apply_patch(*temporary, temporary->path() + "/patch", host, -1);
                  const bool says = !applied && applied.error().hint.find("nothing here was changed") != std::string::npos &&
                                    applied.error().message.find("git apply") != std::string::npos;
                  const auto at = applied ? std::string::npos : applied.error().hint.find("/patch");
                  const bool kept = at != std::string::npos && temporary->path().empty();
                  if (!says || !kept)
                      std::fprintf(stderr, "%s: %s\n", applied ? "it went" : applied.error().message.c_str(),
                                   applied ? "" : applied.error().hint.c_str());
                  else
                      (void)sdk::os::write_file_atomic(place + "/hint", applied.error().hint, 0644);
                  return says && kept;
              }),
              0);
    EXPECT_EQ(state(), before);
    EXPECT_EQ(sh(host, "tail -1 z"), "mine\n");
    const std::string hint = sdk::os::read_file(place + "/hint").value_or(": /nowhere");
    const std::string kept = hint.substr(hint.rfind(": ") + 2);
    EXPECT_EQ(sdk::os::read_file(kept).value_or(hint), sdk::os::read_file(patch).value_or(""));
    (void)sdk::os::remove_tree(fs::path(kept).parent_path());

    sh(host, "chmod 755 ro");
    EXPECT_EQ(as_nobody([&] {
                  auto temporary = TemporaryDirectory::make();
                  const auto applied = apply_patch(*temporary, patch, host, -1);
                  if (!applied)
                      std::fprintf(stderr, "%s\n", applied.error().message.c_str());
                  return applied.has_value();
              }),
              0);
    EXPECT_EQ(sh(host, "head -1 a; head -1 ro/b; head -1 z; tail -1 z; cat m/n/f new/dir/f; test ! -e gone; test ! -L l; readlink t"),
              "x\nx\nx\nmine\nin\nnew\nz\n");
}

TEST_F(ApplyTest, APatchGoesWhereItsNameLeads)
{
    const std::string patch = place + "/patch";
    const std::string text(3000000, 'p');
    ASSERT_TRUE(sdk::os::write_file_atomic(patch, text, 0600));
    sh(place, "mkdir out; cd out; echo old >plain; chmod 640 plain; echo mine >plain.new; echo old >real; ln -s real link; "
              "ln -s nowhere dangling; mkfifo fifo");
    for (const std::string name : {"plain", "link", "made"})
        ASSERT_TRUE(write_patch(patch, place + "/out/" + name)) << name;
    EXPECT_EQ(sh(place, "cd out; cmp plain ../patch; cmp real ../patch; cmp made ../patch; cat plain.new; readlink link; "
                        "stat -c %a plain made; ls -A | wc -l"),
              "mine\nreal\n640\n644\n7\n");
    EXPECT_TRUE(write_patch(patch, "/dev/null"));
    EXPECT_EQ(sh(place, "stat -c %F /dev/null"), "character special file\n");
    std::string piped;
    std::thread reader([&] { piped = sh(place, "cat out/fifo"); });
    EXPECT_TRUE(write_patch(patch, place + "/out/fifo"));
    reader.join();
    EXPECT_TRUE(piped == text);
    const auto full = write_patch(patch, "/dev/full");
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, sdk::Code::no_space);
    const auto nowhere = write_patch(patch, place + "/none/patch");
    ASSERT_FALSE(nowhere);
    EXPECT_NE(nowhere.error().message.find(place + "/none/patch"), std::string::npos) << nowhere.error().message;
}

TEST_F(ApplyTest, AFullDiskLeavesEverythingAsItWas)
{
    make_repository();
    sh(host, "head -c 600000 /dev/urandom | base64 -w 60 >large; echo x >z; git add -A; git commit -qm large");
    sh(host, "sed -i '1s/^/x/' large z; echo y >a; head -c 900000 /dev/urandom | base64 -w 60 >new");
    const std::string patch = take_patch();
    if (::getuid() != 0)
        GTEST_SKIP() << "only root can mount a small file system";
    const std::string small = place + "/small";
    fs::create_directory(small);
    // Room for what is there and for no more.
    EXPECT_EQ(in_a_child([&] {
                  if (!mount_small(small, "1M"))
                      return false;
                  sh(place, "cp -a host/large host/z small");
                  const std::string before = tree_of(small);
                  auto temporary = TemporaryDirectory::make();
                  const std::string where = temporary->path();
                  const auto applied = apply_patch(*temporary, patch, small, -1);
                  (void)sdk::os::remove_tree(where);
                  return !applied && tree_of(small) == before && !HasFailure();
              }),
              0);
}

// What comes from a machine is its word, and its git may be anything.
TEST_F(ApplyTest, APatchThatLeadsElsewhereIsRefused)
{
    make_repository();
    sh(place, "mkdir outside; ln -s ../outside host/way");
    const std::string before = sh(place, "find . -not -path './tmp/*' | sort") + tree_of(host);
    for (const std::string name : {"../x", "src/../../x", ".git/hooks/pre-commit", ".git/config", ".GIT/hooks/x",
                                   "/etc/banger-x", "way/x"}) {
        for (const bool with_link : {false, true}) {
            std::string patch = "diff --git a/" + name + " b/" + name + "\nnew file mode 100755\n--- /dev/null\n+++ b/" +
                                name + "\n@@ -0,0 +1 @@\n+#!/bin/sh\n";
            if (with_link)  // made by the same patch, and written through
                patch = "diff --git a/made b/made\nnew file mode 120000\n--- /dev/null\n+++ b/made\n@@ -0,0 +1 @@\n"
                        "+../outside\n\\ No newline at end of file\n"
                        "diff --git a/made/x b/made/x\nnew file mode 100644\n--- /dev/null\n+++ b/made/x\n"
                        "@@ -0,0 +1 @@\n+x\n" + patch;
            auto temporary = TemporaryDirectory::make();
            ASSERT_TRUE(temporary);
            const std::string file = temporary->path() + "/patch";
            ASSERT_TRUE(sdk::os::write_file_atomic(file, patch, 0644));
            const auto applied = apply_patch(*temporary, file, host, -1);
            EXPECT_FALSE(applied) << name;
            EXPECT_FALSE(temporary->path().empty()) << "refused before anything is touched: " << name;
            EXPECT_EQ(sh(place, "find . -not -path './tmp/*' | sort") + tree_of(host), before) << name;
        }
    }
}

}  // namespace
}  // namespace banger::workspace
