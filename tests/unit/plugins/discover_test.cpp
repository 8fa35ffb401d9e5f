// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/discover.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "banger/sdk/version.hpp"
#include "test_plugins.hpp"

namespace banger::plugins {
namespace {

namespace fs = std::filesystem;

std::vector<Found> look(const std::vector<std::string>& directories)
{
    return discover(directories);
}

std::string problem(const Found& found)
{
    return found.problem ? found.problem->message : "none";
}

TEST(Discover, IdentifiesAPluginWithoutRunningIt)
{
    const auto found = look({test_plugin("good"), test_plugin("crash-on-load"), "/nowhere"});
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].path, test_plugin("good") + "/good.so");
    EXPECT_EQ(problem(found[0]), "none");
    EXPECT_EQ(found[0].sidecar->id, "good");
    EXPECT_EQ(problem(found[1]), "none");
}

TEST(Discover, RefusesWhatDoesNotFit)
{
    const std::vector<std::pair<std::string, std::string>> cases{
        {"wrong-api",
         "plugin 'wrong-api' does not fit this banger: its library is made for interface 0.99, and this is 0.1"},
        {"wrong-abi",
         "plugin 'wrong-abi' does not fit this banger: it was built as libstdc++;cxx11=0, and this "
         "is " BANGER_SDK_CXX_ABI},
        {"lying-id",
         "plugin 'lying-id' does not fit this banger: its sidecar says 'lying-id' and its library says "
         "'somebody-else'"},
        {"no-section", test_plugin("no-section") + "/no-section.so is not marked as a banger plugin"},
    };
    for (const auto& [name, message] : cases) {
        const auto found = look({test_plugin(name)});
        ASSERT_EQ(found.size(), 1U) << name;
        EXPECT_EQ(problem(found[0]), message);
        EXPECT_EQ(found[0].problem->code, sdk::Code::plugin);
        EXPECT_FALSE(found[0].problem->hint.empty());
    }
}

TEST(Discover, TheSearchPathIsExtendedByTheEnvironment)
{
    ::setenv("BANGER_PLUGIN_PATH", "/a::/b:", 1);
    EXPECT_EQ(search_path({"/fixed"}), (std::vector<std::string>{"/fixed", "/a", "/b"}));
    ::unsetenv("BANGER_PLUGIN_PATH");
    EXPECT_EQ(search_path({"/fixed"}), std::vector<std::string>{"/fixed"});
}

// A directory with a copy of the good plugin that a test may spoil.
class DiscoverCopy : public testing::Test {
protected:
    void SetUp() override
    {
        directory_ = temporary_.path() + "/plugins";
        ASSERT_TRUE(sdk::os::make_directories(directory_));
        for (const std::string suffix : {".so", ".plugin.json"}) {
            fs::copy(test_plugin("good") + "/good" + suffix, file(suffix));
            ::chmod(file(suffix).c_str(), 0644);
        }
    }

    [[nodiscard]] std::string file(const std::string& suffix) const { return directory_ + "/good" + suffix; }
    [[nodiscard]] Found only() const
    {
        auto found = look({directory_});
        EXPECT_EQ(found.size(), 1U);
        return found.empty() ? Found{} : found.front();
    }

    sdk::testing::TemporaryDirectory temporary_;
    std::string directory_;
};

TEST_F(DiscoverCopy, IsFine)
{
    EXPECT_EQ(problem(only()), "none");
}

TEST_F(DiscoverCopy, ALibraryWithoutASidecarAndTheOtherWayRound)
{
    fs::remove(file(".plugin.json"));
    EXPECT_EQ(problem(only()), file(".so") + " has no sidecar good.plugin.json");
    fs::copy(test_plugin("good") + "/good.plugin.json", file(".plugin.json"));
    fs::remove(file(".so"));
    EXPECT_EQ(problem(only()), file(".plugin.json") + " has no library good.so");
}

TEST_F(DiscoverCopy, ABrokenSidecarIsSaid)
{
    ASSERT_TRUE(sdk::os::write_file_atomic(file(".plugin.json"), "{"));
    EXPECT_NE(problem(only()).find("good.plugin.json is no JSON"), std::string::npos) << problem(only());
    EXPECT_FALSE(only().sidecar);
}

TEST_F(DiscoverCopy, ALibraryThatIsNoneIsSaid)
{
    ASSERT_TRUE(sdk::os::write_file_atomic(file(".so"), "text"));
    EXPECT_EQ(problem(only()), file(".so") + " is no ELF library");
}

TEST_F(DiscoverCopy, WhatOthersMayWriteIsRefused)
{
    ::chmod(file(".so").c_str(), 0666);
    EXPECT_NE(problem(only()).find("good.so is not trusted: everybody may write to it (it belongs to '"),
              std::string::npos)
        << problem(only());
    EXPECT_EQ(only().problem->code, sdk::Code::permission);
    ::chmod(file(".so").c_str(), 0644);
    ::chmod(file(".plugin.json").c_str(), 0666);
    EXPECT_NE(problem(only()).find("good.plugin.json is not trusted"), std::string::npos);
    ::chmod(file(".plugin.json").c_str(), 0644);
    ::chmod(directory_.c_str(), 0777);
    EXPECT_EQ(only().path, directory_);
    EXPECT_NE(problem(only()).find("plugins is not trusted: everybody may write to it"), std::string::npos);
    EXPECT_EQ(only().problem->hint, "chmod o-w '" + directory_ + "'");
}

TEST_F(DiscoverCopy, RootRefusesWhatOthersOwn)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can give a file away";
    constexpr uid_t nobody = 65534;
    ASSERT_EQ(::chown(file(".so").c_str(), nobody, nobody), 0);
    EXPECT_NE(problem(only()).find("it belongs to 'nobody', and root loads only what root owns"), std::string::npos)
        << problem(only());
    ASSERT_EQ(::chown(file(".so").c_str(), 0, 0), 0);
    ASSERT_EQ(::chown(temporary_.path().c_str(), nobody, nobody), 0);
    EXPECT_NE(problem(only()).find("it belongs to 'nobody'"), std::string::npos)
        << "who owns the parent can replace the directory: " << problem(only());
    ASSERT_EQ(::chown(temporary_.path().c_str(), 0, 0), 0);
    ASSERT_EQ(::chmod(file(".so").c_str(), 0664), 0);
    EXPECT_NE(problem(only()).find("its group may write to it"), std::string::npos);
}

TEST_F(DiscoverCopy, ASymlinkIsJudgedByWhereItLeads)
{
    const auto open_place = temporary_.path() + "/open";
    ASSERT_TRUE(sdk::os::make_directories(open_place));
    fs::rename(file(".so"), open_place + "/good.so");
    fs::create_symlink(open_place + "/good.so", file(".so"));
    EXPECT_EQ(problem(only()), "none");
    EXPECT_EQ(only().path, open_place + "/good.so");
    ::chmod(open_place.c_str(), 0777);
    EXPECT_NE(problem(only()).find("open is not trusted"), std::string::npos) << problem(only());
}

TEST_F(DiscoverCopy, TheFirstOfTwoWins)
{
    const auto found = look({test_plugin("good"), directory_, test_plugin("good") + "/."});
    ASSERT_EQ(found.size(), 2U) << "one directory counts once";
    EXPECT_EQ(problem(found[0]), "none");
    EXPECT_EQ(problem(found[1]), file(".so") + " offers plugin 'good' again; it is taken from " + found[0].path);
    EXPECT_EQ(found[1].problem->code, sdk::Code::exists);
}

TEST_F(DiscoverCopy, TheSameProviderInAnotherPluginIsADuplicate)
{
    auto text = *sdk::os::read_file(test_plugin("lying-version") + "/lying-version.plugin.json");
    text.replace(text.find("\"name\": \"lying-version\""), 23, "\"name\": \"good\"");
    fs::copy(test_plugin("lying-version") + "/lying-version.so", directory_ + "/lying-version.so");
    ASSERT_TRUE(sdk::os::write_file_atomic(directory_ + "/lying-version.plugin.json", text));
    const auto found = look({directory_});
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(problem(found[1]),
              directory_ + "/lying-version.so offers storage/0 'good' again; it is taken from " + file(".so"));
}

}  // namespace
}  // namespace banger::plugins
