// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "banger/sdk/os/file.hpp"
#include "cli/workspace/working_tree.hpp"
#include "tests/unit/workspace/repositories.hpp"

namespace banger::workspace {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using sdk::Code;

class Refusals : public Repositories {};

TEST_F(Refusals, WhatIsNoWorkingTree)
{
    make_repository();
    sh(place, "git clone -q --bare host bare.git; touch plain-file");
    for (const std::string path : {"bare.git", "host/.git", "bare.git/objects"}) {
        auto error = refused({}, path);
        EXPECT_EQ(error.code, Code::invalid) << path;
        EXPECT_THAT(error.message, HasSubstr("without a working tree"));
        EXPECT_THAT(error.hint, HasSubstr("git worktree add"));
    }
    EXPECT_EQ(refused({}, "none").code, Code::not_found);
    EXPECT_THAT(refused({}, "plain-file").message, HasSubstr("is not a directory"));
}

TEST_F(Refusals, BranchesAndRevisionsThatAreNone)
{
    make_repository();
    CheckoutOptions options;
    options.branch = "b";
    options.from = "nowhere";
    EXPECT_THAT(refused(options).message, HasSubstr("there is no commit 'nowhere'"));
    options.from = "--all";
    EXPECT_THAT(refused(options).message, HasSubstr("there is no commit '--all'"));
    options.from = "HEAD:file";
    EXPECT_EQ(refused(options).code, Code::invalid) << "a file is no commit";
    options.from.clear();
    for (const std::string name : {"a..b", "-b", "with space", "a.lock", "@{-1}"}) {
        options.branch = name;
        EXPECT_EQ(refused(options).code, Code::invalid) << name;
    }
    options.branch = "b";
    fs::create_directory(place + "/plain");
    EXPECT_THAT(refused(options, "plain").hint, HasSubstr("leave --branch out"));
    fs::remove_all(host);
    fs::create_directory(host);
    sh(host, "git init -q; echo x >x");
    options.from = "HEAD";
    EXPECT_THAT(refused(options).message, HasSubstr("there is no commit 'HEAD'"));
}

TEST_F(Refusals, ADamagedRepository)
{
    make_repository();
    sh(host, "rm -rf .git/objects/*; git --version");
    auto error = refused({});
    EXPECT_EQ(error.code, Code::precondition);
    EXPECT_THAT(error.message, HasSubstr("git "));
    sh(place, "mkdir broken; echo 'gitdir: /nowhere' >broken/.git");
    EXPECT_THAT(refused({}, "broken").message, HasSubstr("not a git repository"));
}

TEST_F(Refusals, FilesThatWeMayNotRead)
{
    if (::getuid() != 0)
        GTEST_SKIP() << "only root can run this as another user";
    make_repository();
    sh(host, "chmod 0 file; chown -R 65534:65534 ..; chmod a+rx ..");
    const auto says = [&](const CheckoutOptions& options, const std::string& what) {
        return as_nobody([&] {
            auto checkout = Checkout::plan(host, options, -1);
            const bool as_wanted = !checkout && checkout.error().code == Code::permission &&
                                   checkout.error().message.find(what) != std::string::npos;
            if (!as_wanted)
                std::fprintf(stderr, "%s\n", checkout ? "it went" : checkout.error().message.c_str());
            return as_wanted;
        });
    };
    EXPECT_EQ(says({}, "cannot read 'file'"), 0);
    sh(host, "chmod 644 file; echo x >untracked; chmod 0 untracked; chown -R 65534:65534 .");
    EXPECT_EQ(says({}, "cannot read 'untracked'"), 0);
    CheckoutOptions tracked;
    tracked.tracked_only = true;
    EXPECT_EQ(as_nobody([&] { return Checkout::plan(host, tracked, -1).has_value(); }), 0);
    for (const auto& [mode, name] : {std::pair<std::string, std::string>{"0", "src"}, {"0", "src/deep"}, {"311", "src/deep"},
                                     {"0", "new"}, {"0", "new/below"}}) {
        sh(host, "rm -rf new; mkdir -p new/below; touch new/below/f; chown -R 65534:65534 .; chmod -R u+rwX .; "
                 "rm untracked; chmod " + mode + " " + name + " 2>/dev/null; touch untracked");
        EXPECT_EQ(says({}, "cannot read '" + name + "'"), 0) << mode << ' ' << name;
        const bool needs_it = name.starts_with("src") && mode != "311";
        EXPECT_EQ(as_nobody([&] { return !Checkout::plan(host, tracked, -1); }) == 0, needs_it) << mode << ' ' << name;
    }
    for (const char* name : {"closed", "closed/file"}) {
        sh(place, "rm -rf plain; mkdir -p plain/closed; touch plain/closed/file; chmod 0 \"$1\"; chown -R 65534:65534 plain",
           {std::string("plain/") + name});
        EXPECT_EQ(as_nobody([&] {
                      auto checkout = Checkout::plan(place + "/plain", {}, -1);
                      return !checkout && checkout.error().code == Code::permission &&
                             checkout.error().message.find(std::string("cannot read '") + name + "'") != std::string::npos;
                  }),
                  0)
            << name;
    }
}

// A sync must not take such a file for one that is gone.
TEST_F(Refusals, AFileInADirectoryThatWeMayNotEnterIsOutOfSight)
{
    if (::getuid() != 0)
        GTEST_SKIP() << "only root can run this as another user";
    make_repository();
    sh(host, "chmod 0 src; chown -R 65534:65534 ..; chmod a+rx ..");
    EXPECT_EQ(as_nobody([&] {
                  auto files = WorkingTree::open(host, true, -1);
                  return files && !files->stamp("src/deep/file") && files->is_out_of_sight("src/deep/file") &&
                         !files->is_out_of_sight("none") && !files->is_out_of_sight("file");
              }),
              0);
}

TEST_F(Refusals, AnInterruptEndsItAndLeavesNothing)
{
    make_repository();
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const sdk::os::UniqueFd read(ends[0]);
    const sdk::os::UniqueFd write(ends[1]);
    fs::create_directory(place + "/tmp");
    ::setenv("TMPDIR", (place + "/tmp").c_str(), 1);
    {
        auto checkout = Checkout::plan(host, {}, read.get());
        ASSERT_TRUE(checkout);
        ASSERT_EQ(::write(write.get(), "x", 1), 1);
        const auto staged = checkout->stage();
        ASSERT_FALSE(staged);
        EXPECT_EQ(staged.error().code, Code::cancelled);
    }
    ::unsetenv("TMPDIR");
    EXPECT_TRUE(fs::is_empty(place + "/tmp"));
}

TEST_F(Refusals, SaysThatThereIsNoGit)
{
    make_repository();
    const std::string path = ::getenv("PATH");
    fs::create_directory(place + "/bin");
    fs::create_symlink("/usr/bin/env", place + "/bin/env");
    ::setenv("PATH", (place + "/bin").c_str(), 1);
    auto checkout = Checkout::plan(host, {}, -1);
    ::setenv("PATH", path.c_str(), 1);
    ASSERT_FALSE(checkout);
    EXPECT_EQ(checkout.error().code, Code::not_found);
    EXPECT_THAT(checkout.error().message, HasSubstr("there is no git here"));
}

}  // namespace
}  // namespace banger::workspace
