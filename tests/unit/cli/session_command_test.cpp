// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <csignal>

#include "cli/detach_keys.hpp"
#include "core/model/json.hpp"
#include "tests/unit/cli/cli_process.hpp"

namespace banger::cli::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(DetachKeys, AreReadAsDockersAre)
{
    for (const char* good : {"", "a", "ctrl-p,ctrl-q", "ctrl-P", "ctrl-@", "ctrl-[,x", "ctrl-\\", "ctrl-_,Z,9"})
        EXPECT_TRUE(DetachKeys::parse(good)) << good;
    for (const char* bad : {",", "a,", "ab", "ctrl-", "ctrl-1", "ctrl-p ctrl-q", "alt-x", "ctrl-pp", "\x01"}) {
        const auto keys = DetachKeys::parse(bad);
        ASSERT_FALSE(keys) << bad;
        EXPECT_THAT(keys.error().hint, HasSubstr("ctrl-p,ctrl-q"));
    }
}

TEST(DetachKeys, AreHeldBackUntilTheyAreSureToBeSomethingElse)
{
    auto keys = *DetachKeys::parse("ctrl-p,ctrl-q");
    const auto pass = [&keys](std::string typed) { return keys.pressed(typed) ? typed + "|left" : typed; };
    EXPECT_EQ(pass("abc"), "abc");
    EXPECT_EQ(pass("x\x10"), "x");
    EXPECT_EQ(pass("y"), "\x10y");
    EXPECT_EQ(pass("\x10\x10"), "\x10");
    EXPECT_EQ(pass("\x11 after"), "|left");
    EXPECT_EQ(pass("before\x10\x11"), "before|left");
    EXPECT_EQ(pass("\x11"), "\x11");

    auto repeated = *DetachKeys::parse("a,a,b");
    std::string typed = "aaab";
    EXPECT_TRUE(repeated.pressed(typed));
    EXPECT_EQ(typed, "a");
    auto none = *DetachKeys::parse("");
    typed = "\x10\x11";
    EXPECT_FALSE(none.pressed(typed));
    EXPECT_EQ(typed, "\x10\x11");
}

class SessionCommandTest : public CliTest {
protected:
    /// What the daemon was asked last.
    [[nodiscard]] std::string last_call() const { return calls().empty() ? "" : calls().back(); }
};

TEST_F(SessionCommandTest, StartSaysAllThatWasAskedFor)
{
    const auto ended =
        banger({"vm", "session", "start", "--name", "build", "-w", "/srv", "-u", "bob", "-e", "A=1", "--require", "make",
                "--require", "cc", "--log-size", "1M", "web", "--", "make", "a b"});
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(ended.out, "build in web is started\n");
    const auto call = last_call();
    ASSERT_THAT(call, ::testing::StartsWith("vm.session.start {"));
    const auto params = json::parse_object(call.substr(call.find('{')), "parameters");
    ASSERT_TRUE(params);
    EXPECT_EQ(json::find_strings(*params, "argv"), (std::vector<std::string>{"make", "a b"}));
    EXPECT_EQ(json::find_strings(*params, "require"), (std::vector<std::string>{"make", "cc"}));
    EXPECT_EQ(json::string_or(*params, "cwd"), "/srv");
    EXPECT_EQ(json::string_or(*params, "user"), "bob");
    EXPECT_EQ(json::find_fields(*params, "environment").at("A"), "1");
    EXPECT_EQ(json::uint_or(*params, "log_bytes"), 1U << 20U);
    EXPECT_FALSE(json::bool_or(*params, "tty"));
    for (const auto& wrong : std::vector<std::vector<std::string>>{{"--name", "a/b"},
                                                                   {"--name", ""},
                                                                   {"--require", ""},
                                                                   {"--log-size", "1K"},
                                                                   {"--log-size", "much"}}) {
        const auto refused = banger({"vm", "session", "start", wrong[0], wrong[1], "web", "--", "make"});
        EXPECT_EQ(refused.status, 2) << wrong[1];
        EXPECT_THAT(refused.err, HasSubstr(wrong[0])) << refused.err;
    }
}

TEST_F(SessionCommandTest, AttachEndsWithTheSessionsStatusAndSaysIt)
{
    const auto ended = banger({"vm", "session", "attach", "web", "build"}, "not for it");
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(ended.out, "so far\nand now\n");
    EXPECT_THAT(ended.err, HasSubstr("[1.5 KiB of its output are kept no more]"));
    EXPECT_THAT(ended.err, HasSubstr("to err\n"));
    EXPECT_THAT(ended.err, HasSubstr("session 'build' has ended with status 0"));
    EXPECT_EQ(banger({"vm", "session", "attach", "web", "nobody"}).status, 125);
    EXPECT_EQ(banger({"vm", "session", "attach", "--detach-keys", "ctrl", "web", "build"}).status, 2);
}

TEST_F(SessionCommandTest, DetachKeysLeaveItAndTheTerminalAsItWas)
{
    for (const auto& [option, keys] : {std::pair<std::string, std::string>{"ctrl-p,ctrl-q", "\x10\x11"}, {"ctrl-a,d", "\x01" "d"}}) {
        CliProcess process({"vm", "session", "attach", "--detach-keys", option, "web", "lasting"}, environment_,
                           CliProcess::Streams::terminal);
        process.expect("and now");
        EXPECT_FALSE(process.terminal_is_ordinary());
        process.write("\x1b[24;80R");  // the terminal's answer to something in the old output
        process.write("hello\x03");
        process.expect("<hello\x03>");
        process.write(keys);
        const auto ended = process.wait();
        EXPECT_EQ(ended.status, 0) << ended.err;
        EXPECT_THAT(ended.err, HasSubstr("session 'lasting' goes on without us"));
        EXPECT_THAT(ended.out + ended.err, HasSubstr("\x1b[?1047l"));
    }
}

TEST_F(SessionCommandTest, OneThatIsStolenSaysSoAndLeavesTheTerminalAsItWas)
{
    CliProcess process({"vm", "session", "attach", "--steal", "web", "stolen"}, environment_, CliProcess::Streams::terminal);
    const auto ended = process.wait();
    EXPECT_EQ(ended.status, 125);
    EXPECT_THAT(last_call(), HasSubstr(R"("steal":true)"));
    EXPECT_THAT(ended.out + ended.err, HasSubstr("somebody else has taken session 'stolen' over"));
    EXPECT_THAT(ended.out + ended.err, HasSubstr("\x1b[?1047l")) << "there was output before";
    EXPECT_EQ(banger({"vm", "session", "attach", "--steal", "--view", "web", "stolen"}).status, 2);
}

TEST_F(SessionCommandTest, WhoOnlyWatchesWritesNothingAndLeavesWithCtrlC)
{
    CliProcess process({"vm", "session", "attach", "--view", "web", "lasting"}, environment_,
                       CliProcess::Streams::terminal);
    process.expect("and now");
    EXPECT_TRUE(process.terminal_is_ordinary());
    process.write("hello\n");
    process.kill(SIGINT);
    const auto ended = process.wait();
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_THAT(ended.out, Not(HasSubstr("<hello")));
    EXPECT_THAT(ended.err, HasSubstr("goes on without us"));
}

TEST_F(SessionCommandTest, LogsFollowUntilASignal)
{
    EXPECT_EQ(banger({"vm", "session", "logs", "web", "lasting"}).out, "so far\nand now\n");
    CliProcess process({"vm", "session", "logs", "-f", "web", "lasting"}, environment_);
    process.expect("and now");
    process.kill(SIGTERM);
    EXPECT_EQ(process.wait().signal, SIGTERM);
    EXPECT_EQ(banger({"vm", "session", "logs", "-f", "web", "build"}).status, 0);
}

TEST_F(SessionCommandTest, SendTakesATextOrStandardInput)
{
    EXPECT_EQ(banger({"vm", "session", "send", "web", "lasting", "words"}).status, 0);
    EXPECT_EQ(banger({"vm", "session", "send", "web", "lasting", "-"}, std::string(1U << 20U, 'x')).status, 0);
    EXPECT_THAT(last_call(), HasSubstr(R"("end_input":false)"));
    EXPECT_EQ(banger({"vm", "session", "send", "--eof", "web", "lasting"}).status, 0);
    EXPECT_THAT(last_call(), HasSubstr(R"("end_input":true)"));
    EXPECT_EQ(banger({"vm", "session", "send", "web", "lasting"}).status, 2);
    const auto gone = banger({"vm", "session", "send", "web", "gone", "words"});
    EXPECT_EQ(gone.status, 1);
    EXPECT_EQ(gone.err, "error: session 'gone' has ended\n");
}

TEST_F(SessionCommandTest, StopAndKillSayWhatTheyAre)
{
    EXPECT_EQ(banger({"vm", "session", "stop", "-t", "1500ms", "web", "build"}).status, 0);
    EXPECT_THAT(last_call(), HasSubstr(R"("timeout_s":2)"));
    EXPECT_EQ(banger({"vm", "session", "stop", "-t", "2h", "web", "build"}).status, 2);
    EXPECT_EQ(banger({"vm", "session", "kill", "-s", "SIGUSR1", "web", "lasting"}).status, 0);
    EXPECT_THAT(last_call(), HasSubstr(R"("signal":"SIGUSR1")"));
    EXPECT_EQ(banger({"vm", "session", "kill", "-s", "NONSENSE", "web", "lasting"}).status, 2);
    EXPECT_EQ(banger({"vm", "session", "show", "web", "a b"}).status, 2);
    EXPECT_EQ(banger({"vm", "session", "show", "web", "nobody"}).status, 1);
}

}  // namespace
}  // namespace banger::cli::testing
