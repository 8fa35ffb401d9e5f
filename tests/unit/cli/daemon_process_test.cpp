// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "banger/sdk/os/file.hpp"
#include "tests/unit/cli/cli_process.hpp"

namespace banger::cli::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DaemonTest : public CliTest {
protected:
    // How often a daemon came up.
    int starts()
    {
        std::ifstream file(home_ + "/state/starts");
        int count = 0;
        for (std::string line; std::getline(file, line);)
            ++count;
        return count;
    }

    // One under its real name whose socket's file is removed, as a cleaner of /tmp does it.
    void start_and_lose_socket()
    {
        const std::string program = home_ + "/bangerd";
        std::filesystem::copy_file(BANGER_FAKE_DAEMON, program);
        environment_["BANGER_DAEMON"] = program;
        EXPECT_EQ(banger({"daemon", "start"}).status, 0);
        EXPECT_TRUE(std::filesystem::remove(home_ + "/run/bangerd.sock"));
    }

    // A daemon from another file, as an update leaves one behind.
    void start_older()
    {
        const std::string program = home_ + "/older-bangerd";
        std::filesystem::copy_file(BANGER_FAKE_DAEMON, program);
        environment_["BANGER_DAEMON"] = program;
        environment_["BANGER_FAKE_BUILD"] = "0.0.9+older";
        EXPECT_EQ(banger({"daemon", "start"}).status, 0);
        environment_["BANGER_DAEMON"] = BANGER_FAKE_DAEMON;
        environment_.erase("BANGER_FAKE_BUILD");
    }
};

TEST_F(DaemonTest, StartsOnTheFirstCallAndStays)
{
    EXPECT_EQ(banger({"vm", "list"}).status, 0);
    EXPECT_EQ(banger({"vm", "list"}).status, 0);
    EXPECT_EQ(starts(), 1);
}

TEST_F(DaemonTest, ManyFirstCallsStartOne)
{
    std::vector<std::unique_ptr<CliProcess>> callers;
    for (int i = 0; i < 10; ++i)
        callers.push_back(std::make_unique<CliProcess>(std::vector<std::string>{"vm", "list"}, environment_));
    for (auto& caller : callers) {
        const auto ended = caller->wait();
        EXPECT_EQ(ended.status, 0) << ended.err;
    }
    EXPECT_EQ(starts(), 1);
}

TEST_F(DaemonTest, OneOfAnotherBuildIsReplaced)
{
    start_older();
    EXPECT_EQ(banger({"vm", "list"}).status, 0);
    EXPECT_EQ(starts(), 2);
    EXPECT_EQ(banger({"vm", "list"}).status, 0);
    EXPECT_EQ(starts(), 2);
}

TEST_F(DaemonTest, OneThatCarriesAStreamIsLeftAlone)
{
    environment_["BANGER_FAKE"] = "busy";
    start_older();
    environment_.erase("BANGER_FAKE");
    const auto ended = banger({"vm", "list"});
    EXPECT_EQ(ended.status, 0);
    EXPECT_THAT(ended.err, IsEmpty());
    EXPECT_EQ(starts(), 1);
}

TEST_F(DaemonTest, OneWhoseConfigurationWasEditedIsReplacedOnce)
{
    EXPECT_EQ(banger({"vm", "list"}).status, 0);
    std::ofstream(home_ + "/config.toml") << "[daemon]\nworkers = 3\n";
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(banger({"vm", "list"}).status, 0);
        EXPECT_EQ(starts(), 2);
    }
    std::filesystem::remove(home_ + "/config.toml");
    EXPECT_EQ(banger({"vm", "list"}).status, 0);
    EXPECT_EQ(starts(), 3);
}

TEST_F(DaemonTest, OneThatIsBusyKeepsItsSettingsAndThatIsSaid)
{
    environment_["BANGER_FAKE"] = "busy";
    EXPECT_EQ(banger({"vm", "list"}).status, 0);
    std::ofstream(home_ + "/config.toml") << "[daemon]\nworkers = 3\n";
    const auto ended = banger({"vm", "list"});
    EXPECT_EQ(ended.status, 0);
    EXPECT_EQ(ended.err, home_ + "/config.toml has changed, and the daemon is busy: it keeps its old settings until it is not\n");
    EXPECT_EQ(starts(), 1);
}

TEST_F(DaemonTest, AnInstallationOfTwoBuildsDoesNotRestartItForEver)
{
    environment_["BANGER_FAKE_BUILD"] = "0.0.9+older";
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(banger({"vm", "list"}).status, 0);
    EXPECT_EQ(starts(), 1);
}

TEST_F(DaemonTest, OneWhoseSocketIsGoneIsReplaced)
{
    start_and_lose_socket();
    const auto ended = banger({"vm", "list"});
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(starts(), 2);
    EXPECT_EQ(banger({"vm", "list"}).status, 0);
    EXPECT_EQ(starts(), 2);
}

TEST_F(DaemonTest, OneWhoseSocketIsGoneIsStopped)
{
    start_and_lose_socket();
    EXPECT_EQ(banger({"daemon", "stop"}).out, "the daemon is stopped; machines go on\n");
    EXPECT_EQ(banger({"daemon", "stop"}).out, "no daemon was running\n");
    EXPECT_EQ(banger({"vm", "list"}).status, 0);
    EXPECT_EQ(starts(), 2);
}

TEST_F(DaemonTest, AProcessThatIsNoDaemonIsLeftAlone)
{
    start_and_lose_socket();
    const std::string lock = home_ + "/state/bangerd.lock";
    const auto pid = sdk::os::read_file(lock);
    std::ofstream(lock) << ::getpid() << "\n";
    const auto ended = banger({"vm", "list"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err, HasSubstr("already"));
    EXPECT_EQ(starts(), 1);
    std::ofstream(lock) << *pid;
    EXPECT_EQ(banger({"daemon", "stop"}).status, 0);
}

TEST_F(DaemonTest, OneThatCannotStartSaysWhyItself)
{
    environment_["BANGER_FAKE"] = "refuse";
    const auto ended = banger({"vm", "list"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(ended.err,
              "error: the database cannot be read\n"
              "  while: start the daemon\n"
              "  hint:  `banger vm recover --replace-database` begins a new one\n");
    EXPECT_EQ(banger({"vm", "run", "--", "true"}).status, 125);
}

TEST_F(DaemonTest, OneThatDiesIsNotWaitedFor)
{
    environment_["BANGER_FAKE"] = "die";
    const auto ended = banger({"vm", "list"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err, HasSubstr("ended before it was ready"));
    EXPECT_THAT(ended.err, HasSubstr("banger daemon logs"));
}

TEST_F(DaemonTest, WithoutTheProgramItIsSaid)
{
    environment_["BANGER_DAEMON"] = home_ + "/nowhere";
    const auto ended = banger({"vm", "list"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err, HasSubstr(home_ + "/nowhere"));
}

TEST_F(DaemonTest, HoldsNoneOfTheCallersDescriptors)
{
    // wait() reads both pipes to their ends, which come only when nobody holds them any more.
    EXPECT_EQ(banger({"vm", "create"}).out, "brave-otter\n");
    EXPECT_EQ(starts(), 1);
}

TEST_F(DaemonTest, IsStoppedAndAskedAfter)
{
    EXPECT_EQ(banger({"daemon", "status"}).status, 1);
    EXPECT_EQ(banger({"daemon", "stop"}).out, "no daemon was running\n");
    EXPECT_EQ(starts(), 0);
    banger({"daemon", "start"});
    EXPECT_EQ(banger({"daemon", "status"}).status, 0);
    EXPECT_EQ(banger({"daemon", "stop"}).status, 0);
    EXPECT_EQ(banger({"daemon", "status"}).status, 1);
}

TEST_F(DaemonTest, ARelativeHomeMeansTheSamePlaceForTheDaemon)
{
    ASSERT_EQ(::chdir(home_.c_str()), 0);
    environment_["BANGER_HOME"] = "here";
    EXPECT_EQ(banger({"vm", "list"}).status, 0);
    EXPECT_TRUE(sdk::os::exists(home_ + "/here/run/bangerd.sock"));
    EXPECT_EQ(banger({"daemon", "stop"}).out, "the daemon is stopped; machines go on\n");
    ASSERT_EQ(::chdir("/"), 0);
}

TEST_F(DaemonTest, OneThatHasOtherMachinesInTheSameRuntimeDirectoryIsNotUsed)
{
    environment_.erase("BANGER_HOME");
    environment_["XDG_RUNTIME_DIR"] = home_;
    environment_["HOME"] = home_ + "/a";
    EXPECT_EQ(banger({"vm", "list"}).status, 0);
    environment_["HOME"] = home_ + "/b";
    for (const auto& words : {std::vector<std::string>{"vm", "list"}, {"daemon", "status"}, {"daemon", "stop"}}) {
        const auto refused = banger(words);
        EXPECT_EQ(refused.status, 1);
        EXPECT_THAT(refused.err, AllOf(HasSubstr("/a/.local/state/banger"), HasSubstr("/b/.local/state/banger"),
                                       HasSubstr("BANGER_HOME")));
    }
    environment_["HOME"] = home_ + "/a";
    EXPECT_EQ(banger({"daemon", "stop"}).status, 0);
}

TEST_F(DaemonTest, ItsLogIsShown)
{
    EXPECT_THAT(banger({"daemon", "logs"}).err, HasSubstr("there is no log yet"));
    banger({"daemon", "start"});
    std::ofstream(home_ + "/run/bangerd.log", std::ios::app) << "a line\n";
    EXPECT_EQ(banger({"daemon", "logs"}).out, "a line\n");
}

TEST_F(DaemonTest, NoHomeIsAnError)
{
    environment_.erase("BANGER_HOME");
    const auto ended = banger({"config", "path"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_THAT(ended.err, HasSubstr("HOME"));
}

}  // namespace
}  // namespace banger::cli::testing
