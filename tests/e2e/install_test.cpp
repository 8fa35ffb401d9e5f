// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// make install and make uninstall, with the build under test as it is.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

class Install : public ::testing::Test {
protected:
    void TearDown() override
    {
        make("uninstall");
        EXPECT_TRUE(sdk::os::remove_tree(prefix_));
    }

    // CONFIGURE=: leaves the build as it is configured: it has tests in it, which an ordinary install does not build. Other tests
    // install from it as well, each time into its one list of what was installed.
    Called make(const std::string& target) const
    {
        sdk::os::Command command;
        command.argv = {"flock", BANGER_BUILD_DIR "/install.lock", "make", "-C", BANGER_SOURCE_DIR, target,
                        "PREFIX=" + prefix_, "DEPS=no", "BUILD=" BANGER_BUILD_DIR, "CONFIGURE=:"};
        command.environment = {{"BANGER_HOME", host_.home()}, {"MAKEFLAGS", ""}};
        return run(command);
    }
    Called installed(const std::vector<std::string>& arguments) const
    {
        auto command = host_.command(arguments);
        command.argv.front() = prefix_ + "/bin/banger";
        return run(command);
    }
    static Called run(const sdk::os::Command& command)
    {
        sdk::os::RunLimits limits;
        limits.timeout = std::chrono::minutes(5);
        auto output = sdk::os::run(command, {}, limits);
        if (!output)
            return {-1, {}, output.error().message, {}};
        return {output->status, output->out, output->err, {}};
    }
    [[nodiscard]] std::string manifest() const { return prefix_ + "/share/banger/install-manifest"; }

    const Installation host_;
    const std::string prefix_ = host_.home() + "/prefix";
};

TEST_F(Install, WhatItPutsThereRunsAndUninstallTakesAllOfItAwayAndEndsTheDaemon)
{
    auto install = make("install");
    ASSERT_EQ(install.status, 0) << install.out << install.err;
    EXPECT_NE(install.out.find("add " + prefix_ + "/bin to your PATH"), std::string::npos) << install.out;
    auto run = installed({"vm", "run", "--rm", "--ready", "agent", "--", "uname", "-s"});
    EXPECT_EQ(run.out, "Linux\n") << run.err;
    const auto daemon = sdk::os::identify(host_.daemon_pid());
    ASSERT_TRUE(daemon);
    const auto arguments = sdk::os::arguments_of(daemon->pid).value_or({});
    ASSERT_FALSE(arguments.empty());
    EXPECT_EQ(arguments.front().find(prefix_), 0U) << "another one's daemon served";

    auto uninstall = make("uninstall");
    EXPECT_EQ(uninstall.status, 0) << uninstall.err;
    EXPECT_NE(uninstall.out.find("virtual machines and images stay in " + host_.home()), std::string::npos)
        << uninstall.out;
    EXPECT_TRUE(sdk::os::kill_and_wait(*daemon, 0, std::chrono::seconds(20))) << "the daemon does not end";
    for (const auto& left : std::filesystem::recursive_directory_iterator(prefix_))
        ADD_FAILURE() << left.path() << " is left";
    EXPECT_NE(make("uninstall").status, 0) << "there is nothing to remove any more";
    EXPECT_EQ(host_.banger({"image", "show", "debian-bookworm-minimal"}).status, 0) << "images stay";
}

/// A host whose package manager only writes down what it is asked for.
class Packages : public ::testing::Test {
protected:
    Packages()
    {
        EXPECT_TRUE(sdk::os::make_private_directory(programs_));
        program("dpkg-query", "case $* in *there*) echo installed ;; *) exit 1 ;; esac");
        program("apt-get", "echo \"apt-get $*\" >>\"$BANGER_HOME/asked\"");
        program("id", "echo ${FAKE_UID:-0}");
        program("sudo", "echo refused >&2; exit 1");
    }
    void program(const std::string& name, const std::string& text) const
    {
        EXPECT_TRUE(sdk::os::write_file_atomic(programs_ + "/" + name, "#!/bin/sh\n" + text + "\n", 0755));
    }
    [[nodiscard]] Called call(std::vector<std::string> argv, const std::string& uid) const
    {
        sdk::os::Command command;
        command.argv = std::move(argv);
        command.environment = {{"PATH", programs_ + ":/usr/bin:/bin"}, {"BANGER_HOME", host_.home()},
                               {"FAKE_UID", uid}, {"HOME", "/home/me"}, {"MAKEFLAGS", ""}};
        auto output = sdk::os::run(command);
        return output ? Called{output->status, output->out, output->err, {}} : Called{-1, {}, output.error().message, {}};
    }
    [[nodiscard]] Called install(const std::string& wanted, const std::string& uid) const
    {
        return call({BANGER_SOURCE_DIR "/tools/install-packages", wanted, "there", "missing-a", "missing-b"}, uid);
    }
    [[nodiscard]] std::string asked() const { return sdk::os::read_file(host_.home() + "/asked").value_or(""); }

    const Installation host_;
    const std::string programs_ = host_.home() + "/programs";
};

TEST_F(Packages, WhatIsMissingIsInstalledAndNothingElse)
{
    EXPECT_EQ(install("yes", "0").status, 0);
    EXPECT_EQ(asked(), "apt-get -qq update\napt-get -qq install --yes --no-install-recommends missing-a missing-b\n");
}

TEST_F(Packages, AreLeftAloneWhenThatIsAsked)
{
    const auto called = install("no", "0");
    EXPECT_EQ(called.status, 0);
    EXPECT_NE(called.err.find("DEPS=no): missing-a missing-b"), std::string::npos) << called.err;
    EXPECT_EQ(asked(), "");
}

TEST_F(Packages, WhoMayNotInstallIsToldWhatIsMissing)
{
    const auto called = install("yes", "1000");
    EXPECT_EQ(called.status, 1);
    EXPECT_NE(called.err.find("hint:  sudo apt-get install --no-install-recommends missing-a missing-b"), std::string::npos)
        << called.err;
    EXPECT_EQ(asked(), "");
}

TEST_F(Packages, ThePrefixIsTheUsersOwnUnlessItIsRoot)
{
    for (const auto& [uid, prefix] : {std::pair{"0", "PREFIX = /usr/local\n"}, {"1000", "PREFIX = /home/me/.local\n"}}) {
        const auto said = call({"make", "-C", BANGER_SOURCE_DIR, "-s", "--no-print-directory", "--eval",
                                "print-prefix: ; @echo PREFIX = $(PREFIX)", "print-prefix"},
                               uid);
        EXPECT_EQ(said.out, prefix) << said.err;
    }
}

TEST_F(Install, AnotherOneOverItTakesAwayWhatOnlyTheOlderHad)
{
    ASSERT_EQ(make("install").status, 0);
    const std::string plugins = prefix_ + "/lib/banger/plugins";
    auto list = sdk::os::read_file(manifest(), 1U << 20U);
    ASSERT_TRUE(list);
    ASSERT_NE(list->find(plugins), std::string::npos) << *list;
    const std::string old_plugin = plugins + "/old/old.so";
    const std::string of_somebody_else = plugins + "/mine.so";
    ASSERT_TRUE(sdk::os::make_private_directory(plugins + "/old"));
    ASSERT_TRUE(sdk::os::write_file_atomic(old_plugin, "an older version had this"));
    ASSERT_TRUE(sdk::os::write_file_atomic(of_somebody_else, "this was not installed by make"));
    ASSERT_TRUE(sdk::os::write_file_atomic(manifest(), *list + old_plugin + "\n"));

    auto again = make("install");
    ASSERT_EQ(again.status, 0) << again.err;
    EXPECT_FALSE(std::filesystem::exists(plugins + "/old")) << "the new one would load an old plugin";
    EXPECT_TRUE(std::filesystem::exists(of_somebody_else));
    EXPECT_TRUE(std::filesystem::exists(prefix_ + "/bin/banger"));
    ASSERT_EQ(make("uninstall").status, 0);
    EXPECT_TRUE(std::filesystem::exists(of_somebody_else)) << "it was not ours to remove";
    EXPECT_FALSE(std::filesystem::exists(prefix_ + "/bin"));
}

}  // namespace
}  // namespace banger::e2e
