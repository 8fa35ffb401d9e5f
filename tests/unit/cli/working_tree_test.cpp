// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/working_tree.hpp"

#include <gmock/gmock.h>
#include <poll.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "banger/sdk/os/process.hpp"

namespace banger::workspace {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsSupersetOf;
using ::testing::Not;

class WorkingTreeTest : public ::testing::Test {
protected:
    WorkingTreeTest()
    {
        std::string pattern = "/tmp/banger-working-tree-XXXXXX";
        root = fs::canonical(::mkdtemp(pattern.data()));
        git({"init", "-q", "-b", "main"});
        write(".gitignore", "*.log\nbuild/\n");
        write("a/file", "1");
        fs::create_directories(root / "build/deep");
        git({"add", "."});
        git({"commit", "-q", "-m", "one"});
    }
    ~WorkingTreeTest() override { fs::remove_all(root); }

    void git(std::vector<std::string> arguments) const
    {
        sdk::os::Command command;
        command.argv = {"git", "-c", "user.name=a", "-c", "user.email=a@b"};
        command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
        command.directory = root;
        auto ran = sdk::os::run_checked(command);
        ASSERT_TRUE(ran) << ran.error().message;
    }
    void write(const std::string& name, const std::string& content) const
    {
        fs::create_directories((root / name).parent_path());
        std::ofstream(root / name) << content;
    }
    WorkingTree open(bool tracked_only = false) const
    {
        auto files = WorkingTree::open(root, tracked_only, -1);
        EXPECT_TRUE(files) << files.error().message;
        return std::move(*files);
    }
    /// What is announced, once something is.
    static tree::Happened next(WorkingTree& files)
    {
        tree::Happened happened;
        pollfd watch[2] = {{files.files_descriptor(), POLLIN, 0}, {files.git_descriptor(), POLLIN, 0}};
        EXPECT_GT(::poll(watch, 2, 10'000), 0) << "nothing happened";
        EXPECT_TRUE(files.take(happened));
        return happened;
    }

    fs::path root;
};

TEST_F(WorkingTreeTest, HasWhatGitConsiders)
{
    write("new", "1");
    write("x.log", "1");
    write("build/out", "1");
    EXPECT_THAT(*open().names(), ElementsAre(".gitignore", "a/file", "new"));
    EXPECT_THAT(*open(true).names(), ElementsAre(".gitignore", "a/file"));
}

TEST_F(WorkingTreeTest, AnnouncesWhatChangesInNewDirectoriesToo)
{
    auto files = open();
    ASSERT_TRUE(files.watch());
    write("a/file", "2");
    EXPECT_THAT(next(files).names, ElementsAre("a/file"));
    write("b/c/d", "1");
    EXPECT_THAT(next(files).names, IsSupersetOf({"b", "b/c/d"}));
    write("b/c/d", "2");
    EXPECT_THAT(next(files).names, Contains("b/c/d"));
    fs::rename(root / "b", root / "e");
    EXPECT_THAT(next(files).names, IsSupersetOf({"b", "e", "e/c/d"}));
    write("e/c/d", "3");
    EXPECT_THAT(next(files).names, ElementsAre("e/c/d")) << "under its new name";
}

TEST_F(WorkingTreeTest, DoesNotWatchWhatIsIgnored)
{
    auto files = open();
    ASSERT_TRUE(files.watch());
    write("build/deep/out", "1");
    write("seen", "1");
    EXPECT_THAT(next(files).names, ElementsAre("seen"));
    write("more/build/out", "1");
    write("x.log", "1");
    const auto names = next(files).names;
    EXPECT_THAT(*files.considered(names), Not(Contains("more/build/out")));
    EXPECT_THAT(*files.considered(names), Not(Contains("x.log")));
    EXPECT_THAT(*files.considered(names), Contains("more"));
    write("more/build/another", "1");
    write("seen", "2");
    EXPECT_THAT(next(files).names, ElementsAre("seen")) << "it is known to be ignored by now";
}

TEST_F(WorkingTreeTest, AnotherBranchOrAnotherListOfIgnoredFilesIsEverything)
{
    git({"branch", "other"});
    auto files = open();
    ASSERT_TRUE(files.watch());
    git({"checkout", "-q", "other"});
    EXPECT_TRUE(next(files).everything);
    write(".gitignore", "nothing\n");
    EXPECT_TRUE(next(files).everything);
    write(".git/info/exclude", "x\n");
    EXPECT_TRUE(next(files).everything);
}

TEST_F(WorkingTreeTest, AnIgnoredFileThatIsTrackedAllTheSameIsSeen)
{
    write("x.log", "1");
    write("build/out", "1");
    auto files = open();
    ASSERT_TRUE(files.watch());
    git({"add", "-f", "x.log"});
    EXPECT_TRUE(next(files).everything);
    ASSERT_TRUE(files.watch());
    EXPECT_THAT(*files.names(), Contains("x.log"));
    git({"add", "-f", "build/out"});
    EXPECT_TRUE(next(files).everything);
    ASSERT_TRUE(files.watch());
    write("build/out", "2");
    EXPECT_THAT(next(files).names, Contains("build/out")) << "its directory is watched from now on";
    write("new", "1");
    EXPECT_THAT(next(files).names, ElementsAre("new"));
    git({"add", "new"});
    EXPECT_FALSE(next(files).any()) << "nothing that was not seen in the files";
    git({"rm", "-q", "--cached", "x.log"});
    EXPECT_TRUE(next(files).everything);
}

TEST_F(WorkingTreeTest, ARepositoryInsideIsNobodysBusiness)
{
    auto files = open();
    ASSERT_TRUE(files.watch());
    fs::create_directories(root / "inside/.git");
    write("inside/file", "1");
    write(".git/anything", "1");
    const auto names = next(files).names;
    EXPECT_THAT(names, Not(Contains(".git")));
    EXPECT_THAT(*files.considered({"inside/file", ".git/anything"}), ElementsAre());
}

TEST_F(WorkingTreeTest, ASubmoduleIsPartOfIt)
{
    git({"-c", "protocol.file.allow=always", "submodule", "--quiet", "add", root.string(), "sub"});
    write("sub/x.log", "ignored by its own");
    auto files = open();
    EXPECT_THAT(*files.names(), ElementsAre(".gitignore", ".gitmodules", "a/file", "sub/.gitignore", "sub/a/file"));
    ASSERT_TRUE(files.watch());
    write("sub/a/new", "1");
    EXPECT_THAT(next(files).names, ElementsAre("sub/a/new"));
    EXPECT_THAT(*files.considered({"sub/a/new", "sub/y.log", "sub/.git"}), ElementsAre("sub/a/new"));
}

TEST_F(WorkingTreeTest, NothingInASubmoduleThatIsNotCheckedOutIsConsidered)
{
    git({"-c", "protocol.file.allow=always", "submodule", "--quiet", "add", root.string(), "sub"});
    git({"commit", "-q", "-m", "two"});
    git({"submodule", "--quiet", "deinit", "--force", "sub"});
    auto files = open();
    EXPECT_THAT(*files.names(), ElementsAre(".gitignore", ".gitmodules", "a/file"));
    const auto considered = files.considered({"sub/a/file", "sub/.gitignore", "new", "sub2"});
    ASSERT_TRUE(considered) << considered.error().message;
    EXPECT_THAT(*considered, ElementsAre("new", "sub2"));
}

TEST_F(WorkingTreeTest, SaysWhichDirectoriesGitGoesInto)
{
    write(".gitignore", "build/\nnode_modules\nout/*\n!out/keep\nall/**\n*.d/\n!kept.d/\n");
    const auto entered = open().entered({"build", "a/build", "node_modules", "x/node_modules", "out", "out/sub", "src", "a",
                                         "some.d", "kept.d", ".git/refs", "new/deep"});
    ASSERT_TRUE(entered) << entered.error().message;
    EXPECT_THAT(*entered, ElementsAre("a", "kept.d", "new/deep", "out", "src"));
}

TEST_F(WorkingTreeTest, NoLinkIsFollowed)
{
    fs::create_directory_symlink("a", root / "link");
    auto files = open();
    EXPECT_TRUE(files.stamp("link"));
    EXPECT_FALSE(files.stamp("link/file"));
    EXPECT_FALSE(files.stamp("a")) << "a directory is no file";
    EXPECT_FALSE(files.is_directory("link"));
}

}  // namespace
}  // namespace banger::workspace
