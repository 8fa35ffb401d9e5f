// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/tree/watcher.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "banger/sdk/testing/fake_host.hpp"
#include "guest/tree/stamp.hpp"

namespace banger::tree {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsSupersetOf;
using ::testing::Not;

class WatcherTest : public ::testing::Test {
protected:
    static Happened next(Watcher& watcher)
    {
        Happened happened;
        pollfd watch{watcher.descriptor(), POLLIN, 0};
        EXPECT_GT(::poll(&watch, 1, 10'000), 0) << "nothing happened";
        EXPECT_TRUE(watcher.take(happened));
        return happened;
    }
    void write(const std::string& name) const { std::ofstream(root + "/" + name) << "x"; }

    void SetUp() override { ASSERT_TRUE(fs::create_directory(root)); }

    sdk::testing::FakeHost host;
    const std::string root = host.directory() + "/tree";
};

TEST_F(WatcherTest, SeesAnEditorsWayOfSaving)
{
    write("file");
    auto watcher = Watcher::open(root);
    ASSERT_TRUE(watcher);
    write("file~");
    fs::rename(root + "/file~", root + "/file");
    EXPECT_THAT(next(*watcher).names, ElementsAre("file", "file~"));
    fs::permissions(root + "/file", fs::perms::owner_all);
    EXPECT_THAT(next(*watcher).names, ElementsAre("file"));
    fs::remove(root + "/file");
    EXPECT_THAT(next(*watcher).names, ElementsAre("file"));
}

TEST_F(WatcherTest, DirectoriesComeAndGo)
{
    auto watcher = Watcher::open(root);
    ASSERT_TRUE(watcher);
    fs::create_directories(root + "/a/b/c");
    write("a/b/c/file");
    EXPECT_THAT(next(*watcher).names, IsSupersetOf({"a", "a/b/c/file"}));
    EXPECT_EQ(watcher->directories(), 4);
    fs::remove_all(root + "/a");
    EXPECT_THAT(next(*watcher).names, Contains("a"));
    EXPECT_EQ(watcher->directories(), 1);
}

TEST_F(WatcherTest, ADirectoryThatWasRenamedIsAnotherOne)
{
    fs::create_directories(root + "/a/sub");
    fs::create_directories(root + "/a2");
    write("a/sub/file");
    auto watcher = Watcher::open(root);
    ASSERT_TRUE(watcher);
    fs::rename(root + "/a", root + "/b");
    EXPECT_THAT(next(*watcher).names, IsSupersetOf({"a", "b", "b/sub/file"}));
    write("b/sub/file");
    EXPECT_THAT(next(*watcher).names, ElementsAre("b/sub/file"));
    write("a2/file");
    EXPECT_THAT(next(*watcher).names, ElementsAre("a2/file")) << "a name that begins alike";
    fs::rename(root + "/b", host.directory() + "/elsewhere");
    EXPECT_THAT(next(*watcher).names, ElementsAre("b"));
    EXPECT_EQ(watcher->directories(), 2U) << "what left the tree is not watched any more";
}

TEST_F(WatcherTest, GoesRoundGitAndWhatItIsToldTo)
{
    fs::create_directories(root + "/.git");
    fs::create_directories(root + "/passed");
    auto watcher = Watcher::open(root, [](const std::string& name) { return name == "passed"; });
    ASSERT_TRUE(watcher);
    write(".git/HEAD");
    write("passed/file");
    write("seen");
    EXPECT_THAT(next(*watcher).names, ElementsAre("seen"));
    EXPECT_FALSE(Watcher::open(root + "/none"));
}

TEST_F(WatcherTest, MoreThanTheKernelRemembersIsEverything)
{
    auto watcher = Watcher::open(root);
    ASSERT_TRUE(watcher);
    std::size_t most = 0;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> most;
    for (std::size_t i = 0; i <= most / 2; ++i) {
        write("one");
        fs::remove(root + "/one");
    }
    EXPECT_TRUE(next(*watcher).everything);
}

TEST_F(WatcherTest, NoMoreWatchesIsSaidWithWhatHelps)
{
    fs::create_directory(root + "/below");
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        // A user namespace has a limit of its own, inotify(7).
        if (::unshare(CLONE_NEWUSER) != 0)
            _exit(77);
        std::ofstream("/proc/sys/user/max_inotify_watches") << 1;
        const auto watcher = Watcher::open(root);
        const bool said = !watcher && watcher.error().code == sdk::Code::no_space &&
                          watcher.error().message.find("'" + root + "/below'") != std::string::npos &&
                          watcher.error().hint.find("fs.inotify.max_user_watches") != std::string::npos;
        _exit(said ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WEXITSTATUS(status) == 77)
        GTEST_SKIP() << "no user namespace can be made here";
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(WatcherTest, StampsSurviveAsTextAndSeeThroughNoLink)
{
    fs::create_directories(root + "/d/.git");
    write("d/a b\nc");
    write("d/.git/x");
    fs::create_directory_symlink("d", root + "/link");
    const int directory = open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const sdk::os::UniqueFd owned(directory);
    auto stamps = scan(directory);
    ASSERT_TRUE(stamps);
    ASSERT_EQ(stamps->size(), 2U) << "the file and the link";
    EXPECT_EQ(stamps_from_text(to_text(*stamps)).value_or({}), *stamps);
    EXPECT_EQ(stamp_of(directory, "d/a b\nc"), stamps->at("d/a b\nc"));
    EXPECT_FALSE(stamp_of(directory, "link/a b\nc"));
    EXPECT_FALSE(stamp_of(directory, "../anything"));
    EXPECT_FALSE(is_out_of_sight(directory, "d/none"));
    EXPECT_FALSE(is_out_of_sight(directory, "link/a b\nc")) << "nothing of ours is there";
    write("now");
    const auto changed_ns = stamp_of(directory, "now")->changed_ns;
    EXPECT_EQ(settled_stamp_of(directory, "now", changed_ns + 1'000'000)->changed_ns, 0) << "it may change again unseen";
    EXPECT_EQ(settled_stamp_of(directory, "now", changed_ns + 1'000'000'000)->changed_ns, changed_ns);
    EXPECT_LE(changed_ns, clock_now_ns());
    for (const std::string damaged : {"1 2 3 4 name", std::string("1 2 3 name\0", 11).c_str(), "x"})
        EXPECT_FALSE(stamps_from_text(damaged + (damaged.back() == 'x' ? std::string(1, '\0') : ""))) << damaged;
}

TEST(GitDirectory, IsKnownByItsName)
{
    for (const char* inside : {".git", ".git/config", "sub/.git", "a/.git/b"})
        EXPECT_TRUE(is_in_git_directory(inside)) << inside;
    for (const char* outside : {".gitignore", "a.git/b", "git", ""})
        EXPECT_FALSE(is_in_git_directory(outside)) << outside;
}

}  // namespace
}  // namespace banger::tree
