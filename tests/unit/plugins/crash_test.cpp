// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What a crash of a plugin leaves for the next daemon. Each daemon is a process of its own (plugin_driver.cpp).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include "banger/sdk/os/process.hpp"
#include "core/plugins/crash_record.hpp"
#include "test_plugins.hpp"

namespace banger::plugins {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class CrashTest : public testing::Test {
protected:
    void SetUp() override
    {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
        GTEST_SKIP() << "a sanitizer takes the signals of a crash for itself";
#endif
    }

    struct Ended {
        int status = 0;
        std::string out;
    };

    // One daemon's life.
    Ended daemon(const std::string& storage, const std::string& misbehave = "no", const std::string& method = "attach",
                 const std::string& fault = {})
    {
        sdk::os::Command command;
        command.argv = {BANGER_PLUGIN_DRIVER,
                        directory_.path(),
                        plugins_.empty() ? test_plugin(storage) : plugins_,
                        storage,
                        R"({"misbehave":")" + misbehave + R"(","method":")" + method + R"("})",
                        method};
        if (!fault.empty())
            command.environment = {{"BANGER_FAULT", fault}};
        auto output = sdk::os::run(std::move(command));
        EXPECT_TRUE(output) << (output ? "" : output.error().message);
        return output ? Ended{output->status, output->out} : Ended{};
    }
    [[nodiscard]] std::string record(const std::string& plugin) const
    {
        return directory_.path() + "/plugin-crashes/" + plugin + ".json";
    }
    static constexpr int died_of(int signal)
    {
        return 128 + signal;
    }

    sdk::testing::TemporaryDirectory directory_;
    std::string plugins_;
};

TEST_F(CrashTest, OneThatCrashesWhileLoadingIsDisabledAtOnce)
{
    const auto first = daemon("crash-on-load");
    EXPECT_EQ(first.status, died_of(SIGILL));
    const auto second = daemon("crash-on-load");
    EXPECT_EQ(second.status, 1);
    EXPECT_THAT(second.out,
                HasSubstr("complaint: plugin 'crash-on-load' is disabled: the daemon died of SIGILL in its load"));
    EXPECT_THAT(second.out, HasSubstr("error: plugin 'crash-on-load' is disabled"));
    EXPECT_THAT(second.out, HasSubstr("remove " + record("crash-on-load")));
    EXPECT_EQ(daemon("crash-on-load").status, 1) << "and stays so";
    ASSERT_TRUE(fs::remove(record("crash-on-load")));
    EXPECT_EQ(daemon("crash-on-load").status, died_of(SIGILL)) << "enabled again as the hint says";
}

TEST_F(CrashTest, OneThatCrashesInItsProbeIsDisabledAtOnce)
{
    EXPECT_EQ(daemon("good", "fault", "probe").status, died_of(SIGSEGV));
    EXPECT_THAT(daemon("good").out, HasSubstr("is disabled: the daemon died of SIGSEGV in its probe"));
}

TEST_F(CrashTest, ElsewhereItTakesThreeInARow)
{
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(daemon("good", "fault").status, died_of(SIGSEGV));
    EXPECT_EQ(daemon("good").out, "done\n") << "two are forgiven, and forgotten once it went well";
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(daemon("good", "abort").status, died_of(SIGABRT));
    EXPECT_THAT(daemon("good").out, HasSubstr("the daemon died of SIGABRT in its attach (3 times)"));
}

TEST_F(CrashTest, AStackOverflowIsNotedToo)
{
    EXPECT_EQ(daemon("good", "overflow", "probe").status, died_of(SIGSEGV));
    EXPECT_THAT(daemon("good").out, HasSubstr("SIGSEGV in its probe"));
}

TEST_F(CrashTest, ANewerLibraryIsTriedAgain)
{
    plugins_ = directory_.path() + "/plugins";
    fs::copy(test_plugin("good"), plugins_);
    EXPECT_EQ(daemon("good", "fault", "probe").status, died_of(SIGSEGV));
    EXPECT_EQ(daemon("good").status, 1);
    ASSERT_EQ(::chmod((plugins_ + "/good.so").c_str(), 0755), 0);  // as an installation would: its ctime is now
    EXPECT_EQ(daemon("good").out, "done\n");
}

TEST_F(CrashTest, WhoIsKilledFromOutsideBlamesNobody)
{
    const auto killed = daemon("good", "no", "attach", "kill:2@attach");
    EXPECT_EQ(killed.status, died_of(SIGKILL));
    EXPECT_EQ(daemon("good").out, "done\n");
    EXPECT_FALSE(sdk::os::exists(record("good")));
}

TEST_F(CrashTest, APluginThatEndsTheProcessLeavesARegistryThatOpens)
{
    EXPECT_EQ(daemon("good", "exit").status, 7);
    EXPECT_EQ(daemon("good").out, "done\n");
}

TEST_F(CrashTest, ADamagedRecordIsAsGoodAsNone)
{
    ASSERT_TRUE(sdk::os::write_file_atomic(directory_.path() + "/plugins-in-flight", std::string(100'000, 'x')));
    ASSERT_TRUE(sdk::os::make_private_directory(directory_.path() + "/plugin-crashes"));
    for (const std::string text :
         {"", "{", "[]", R"({"call":7})", R"({"call":"load","signal":"x","when_ns":1,"count":1})"}) {
        ASSERT_TRUE(sdk::os::write_file_atomic(record("good"), text));
        EXPECT_EQ(daemon("good").out, "done\n") << text;
    }
}

TEST_F(CrashTest, TheEnvironmentsFaultIsInjected)
{
    EXPECT_THAT(daemon("good", "no", "attach", "error:1@before").out,
                HasSubstr("error: injected fault at point 1: before storage/0 good attach"));
    EXPECT_THAT(daemon("good", "no", "attach", "nonsense").out, HasSubstr("BANGER_FAULT is 'nonsense'"));
}

TEST(InFlight, NotesAreFreedAndMoreThanFitAreNoProblem)
{
    const sdk::testing::TemporaryDirectory directory;
    auto opened = InFlight::open(directory.path() + "/in-flight");
    ASSERT_TRUE(opened);
    EXPECT_TRUE(opened->crashes.empty());
    {
        std::vector<std::unique_ptr<InFlight::Note>> notes;
        for (int i = 0; i < 200; ++i)
            notes.push_back(
                std::make_unique<InFlight::Note>(opened->record.get(), std::string(300, 'p'), std::string(300, 'c')));
    }
    const InFlight::Note none(nullptr, "x", "y");
    EXPECT_TRUE(InFlight::open(directory.path() + "/in-flight")->crashes.empty());
    EXPECT_FALSE(InFlight::open("/nowhere/in-flight"));
}

}  // namespace
}  // namespace banger::plugins
