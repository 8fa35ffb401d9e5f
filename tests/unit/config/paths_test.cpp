// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/config/paths.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::config {
namespace {

Environment environment(std::map<std::string, std::string> variables)
{
    return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

class PathsTest : public testing::Test {
protected:
    sdk::testing::TemporaryDirectory temporary_;
    const std::string directory_ = temporary_.path();
};

TEST_F(PathsTest, FollowXdg)
{
    const auto paths = Paths::find(environment({{"HOME", "/home/a"}, {"XDG_RUNTIME_DIR", directory_}}));
    ASSERT_TRUE(paths);
    EXPECT_EQ(paths->config_file, "/home/a/.config/banger/config.toml");
    EXPECT_EQ(paths->state, "/home/a/.local/state/banger");
    EXPECT_EQ(paths->cache, "/home/a/.cache/banger");
    EXPECT_EQ(paths->runtime, directory_ + "/banger");
    EXPECT_EQ(paths->database(), "/home/a/.local/state/banger/banger.db");
    EXPECT_EQ(paths->socket(), directory_ + "/banger/bangerd.sock");
}

TEST_F(PathsTest, XdgVariablesWin)
{
    const auto paths = Paths::find(environment({{"XDG_CONFIG_HOME", "/c/"},
                                                {"XDG_STATE_HOME", "/s"},
                                                {"XDG_CACHE_HOME", "/k"},
                                                {"XDG_RUNTIME_DIR", directory_}}));
    ASSERT_TRUE(paths) << "HOME is not needed when all are given";
    EXPECT_EQ(paths->config_file, "/c/banger/config.toml");
    EXPECT_EQ(paths->state, "/s/banger");
    EXPECT_EQ(paths->cache, "/k/banger");
}

TEST_F(PathsTest, RelativeAndEmptyXdgVariablesDoNotCount)
{
    const auto paths =
        Paths::find(environment({{"HOME", "/home/a"}, {"XDG_STATE_HOME", "rel"}, {"XDG_CACHE_HOME", ""}}));
    ASSERT_TRUE(paths);
    EXPECT_EQ(paths->state, "/home/a/.local/state/banger");
    EXPECT_EQ(paths->cache, "/home/a/.cache/banger");
}

TEST_F(PathsTest, BangerHomeHoldsEverything)
{
    const auto paths =
        Paths::find(environment({{"BANGER_HOME", "/b/"}, {"HOME", "/home/a"}, {"XDG_STATE_HOME", "/s"}}));
    ASSERT_TRUE(paths);
    EXPECT_EQ(paths->config_file, "/b/config.toml");
    EXPECT_EQ(paths->state, "/b/state");
    EXPECT_EQ(paths->cache, "/b/cache");
    EXPECT_EQ(paths->runtime, "/b/run");
}

TEST_F(PathsTest, ARelativeBangerHomeIsMadeAbsolute)
{
    const auto paths = Paths::find(environment({{"BANGER_HOME", "./x/../mine"}}));
    ASSERT_TRUE(paths);
    EXPECT_EQ(paths->state, (std::filesystem::current_path() / "mine/state").string());
}

TEST_F(PathsTest, NothingToBeginWithIsAnError)
{
    for (const auto& variables : {std::map<std::string, std::string>{},
                                  {{"HOME", ""}, {"BANGER_HOME", ""}},
                                  {{"HOME", "relative"}},
                                  {{"XDG_STATE_HOME", "/s"}}}) {
        const auto paths = Paths::find(environment(variables));
        ASSERT_FALSE(paths);
        EXPECT_EQ(paths.error().code, sdk::Code::precondition);
        EXPECT_EQ(paths.error().message, "neither HOME nor BANGER_HOME says where banger may keep things");
    }
}

TEST_F(PathsTest, ARuntimeDirectoryThatIsNotOursIsNotUsed)
{
    const auto paths = Paths::find(environment({{"HOME", "/home/a"}, {"XDG_RUNTIME_DIR", directory_ + "/absent"}}));
    ASSERT_TRUE(paths);
    EXPECT_EQ(paths->runtime.find(directory_), std::string::npos) << paths->runtime;
    EXPECT_EQ(paths->runtime.front(), '/');
}

TEST_F(PathsTest, DirectoriesAreMadePrivate)
{
    const auto paths = Paths::find(environment({{"BANGER_HOME", directory_ + "/home"}}));
    ASSERT_TRUE(paths->make());
    ASSERT_TRUE(paths->make()) << "again";
    for (const auto& made :
         {paths->state, paths->vms(), paths->images(), paths->kernels(), paths->cache, paths->runtime}) {
        struct stat status {};
        ASSERT_EQ(::stat(made.c_str(), &status), 0) << made;
        EXPECT_EQ(status.st_mode & 0777U, 0700U) << made;
    }
}

TEST_F(PathsTest, AHomeThatIsAFileOrOpenToAllIsRefusedWithAHint)
{
    const auto refused = [&](const std::string& home) {
        auto made = Paths::find(environment({{"BANGER_HOME", home}}))->make();
        return made ? sdk::make_error(sdk::Code::internal, "it was taken") : made.error();
    };
    ASSERT_TRUE(sdk::os::write_file_atomic(directory_ + "/file", ""));
    EXPECT_EQ(refused(directory_ + "/file").message, directory_ + "/file is not a directory");
    EXPECT_NE(refused(directory_ + "/file").hint, "");
    ASSERT_EQ(::mkdir((directory_ + "/open").c_str(), 0700), 0);
    ASSERT_EQ(::chmod((directory_ + "/open").c_str(), 0777), 0);
    EXPECT_EQ(refused(directory_ + "/open").message, "every user of this host can write to " + directory_ + "/open");
    EXPECT_FALSE(sdk::os::exists(directory_ + "/open/state"));
}

TEST_F(PathsTest, AFileInTheWayIsAnError)
{
    const auto paths = Paths::find(environment({{"BANGER_HOME", "/dev/null/x"}}));
    ASSERT_TRUE(paths);
    EXPECT_FALSE(paths->make());
}

}  // namespace
}  // namespace banger::config
