// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <fstream>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "cli/guest_stream.hpp"
#include "core/model/json.hpp"
#include "guest/protocol/frames.hpp"
#include "tests/unit/cli/cli_process.hpp"

namespace banger::cli::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Words = std::vector<std::string>;

class GuestCommandTest : public CliTest {
protected:
    static Words exec(const Words& command)
    {
        Words words{"vm", "exec", "web", "--"};
        words.insert(words.end(), command.begin(), command.end());
        return words;
    }
};

TEST_F(GuestCommandTest, StatusesPassThrough)
{
    for (const int status : {0, 1, 42, 125, 126, 127, 255})
        EXPECT_EQ(banger(exec({"exit", std::to_string(status)})).status, status);
    EXPECT_EQ(banger(exec({"kill", "9"})).status, 137);
    EXPECT_EQ(banger({"vm", "run", "--", "exit", "42"}).status, 42);
}

TEST_F(GuestCommandTest, BangersOwnFailureIs125)
{
    EXPECT_EQ(banger({"vm", "exec", "nobody", "--", "true"}).status, 125);
    EXPECT_EQ(banger({"vm", "run", "--name", "taken", "--", "true"}).status, 125);
    EXPECT_EQ(banger(exec({"vanish"})).status, 125);
    const auto failed = banger(exec({"fail"}));
    EXPECT_EQ(failed.status, 125);
    EXPECT_EQ(failed.err, "error: there is no user 'bob' in the guest\n");
    EXPECT_EQ(banger({"vm", "exec", "--frob", "web", "--", "true"}).status, 2);
}

TEST_F(GuestCommandTest, OutputsStayApart)
{
    const auto ended = banger(exec({"both"}));
    EXPECT_EQ(ended.out, "to out\n");
    EXPECT_EQ(ended.err, "to err\n");
}

TEST_F(GuestCommandTest, ArgumentsArriveAsTheyWere)
{
    const Words odd{"params", "with space", "quo\"te'", "new\nline", "", "\xff\xfe", "--", "-o", "json"};
    const auto ended = banger(exec(odd));
    auto params = json::parse_object(ended.out, "parameters");
    ASSERT_TRUE(params);
    EXPECT_EQ(json::find_strings(*params, "argv"), odd);
    EXPECT_FALSE(json::bool_or(*params, "tty"));
}

TEST_F(GuestCommandTest, OptionsOfExecArrive)
{
    const auto ended = banger({"vm", "exec", "-t", "-u", "bob", "-w", "/srv", "-e", "A=1", "web", "--", "params"});
    auto params = json::parse_object(ended.out, "parameters");
    ASSERT_TRUE(params);
    EXPECT_EQ(json::string_or(*params, "user"), "bob");
    EXPECT_EQ(json::string_or(*params, "cwd"), "/srv");
    EXPECT_EQ(json::find_fields(*params, "environment").at("A"), "1");
    EXPECT_TRUE(json::bool_or(*params, "tty"));
    EXPECT_EQ(json::string_or(*params, "term"), "xterm");
}

TEST_F(GuestCommandTest, InputArrivesToItsEnd)
{
    EXPECT_EQ(banger(exec({"cat"}), "x").out, "x");
    EXPECT_EQ(banger(exec({"cat"})).out, "");
}

TEST_F(GuestCommandTest, MuchGoesBothWaysUnchanged)
{
    std::string bytes(64U << 20U, '\0');
    std::uint32_t state = 1;
    for (char& byte : bytes)
        byte = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24U);
    CliProcess process(exec({"cat"}), environment_);
    std::thread writer([&] {
        process.write(bytes);
        process.close_input();
    });
    const auto ended = process.wait();
    writer.join();
    EXPECT_EQ(ended.status, 0);
    EXPECT_TRUE(ended.out == bytes) << ended.out.size() << " bytes came back";
}

TEST(GuestStream, InputIsNotReadAheadOfNeed)
{
    std::array<int, 2> input{};
    std::array<int, 2> stream{};
    ASSERT_EQ(::pipe(input.data()), 0);
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, stream.data()), 0);
    const sdk::os::UniqueFd from(input[0]);
    const sdk::os::UniqueFd to(input[1]);
    const sdk::os::UniqueFd guest(stream[1]);  // reads nothing
    StreamEnd end;
    std::thread here([&] {
        auto signals = Signals::take();
        end = run_stream(sdk::os::UniqueFd(stream[0]), {from.get(), 1, 2}, false, *signals);
    });
    ::fcntl(to.get(), F_SETFL, O_NONBLOCK);
    std::size_t accepted = 0;
    const std::string bytes(65536, 'x');
    for (pollfd room{to.get(), POLLOUT, 0}; ::poll(&room, 1, 100) > 0;)
        accepted += static_cast<std::size_t>(std::max<ssize_t>(::write(to.get(), bytes.data(), bytes.size()), 0));
    std::string frame;
    agent::write_frame(frame, agent::FrameType::exit, R"({"code":4})");
    ASSERT_TRUE(sdk::os::write_all(guest.get(), frame));
    here.join();
    EXPECT_EQ(std::get<GuestExit>(end).status, 4);
    EXPECT_LT(accepted, 2U << 20U) << "the pipe, the socket and one frame hold less";
}

TEST_F(GuestCommandTest, AReaderThatGoesAwayEndsIt)
{
    CliProcess process(exec({"flood"}), environment_);
    process.expect("xxxx");
    process.close_output();
    EXPECT_EQ(process.wait().signal, SIGPIPE);
}

TEST_F(GuestCommandTest, WithRmAReaderThatGoesAwayStillLeavesNothing)
{
    CliProcess process({"vm", "run", "--rm", "--", "flood"}, environment_);
    process.expect("xxxx");
    process.close_output();
    EXPECT_EQ(process.wait().signal, SIGPIPE);
    EXPECT_THAT(calls().back(), StartsWith("vm.delete"));
}

TEST_F(GuestCommandTest, SignalsReachTheCommand)
{
    CliProcess process(exec({"signals", "3"}), environment_);
    process.expect("ready");
    process.kill(SIGINT);
    process.expect("INT\n");
    process.kill(SIGQUIT);
    process.expect("QUIT\n");
    process.kill(SIGTERM);
    process.expect("TERM\n");
}

TEST_F(GuestCommandTest, OneSignalIsForTheCommandAlone)
{
    CliProcess process(exec({"signals", "1"}), environment_);
    process.expect("ready");
    process.kill(SIGINT);
    EXPECT_EQ(process.wait().status, 0);
}

TEST_F(GuestCommandTest, WhoInsistsLeaves)
{
    CliProcess process(exec({"signals", "100"}), environment_);
    process.expect("ready");
    process.kill(SIGTERM);
    process.expect("TERM\n");
    process.kill(SIGTERM);
    EXPECT_EQ(process.wait().signal, SIGTERM);
}

TEST_F(GuestCommandTest, HangingUpLeavesAndRmStillDeletes)
{
    CliProcess process({"vm", "run", "--rm", "--", "signals", "100"}, environment_);
    process.expect("ready");
    process.kill(SIGHUP);
    EXPECT_EQ(process.wait().signal, SIGHUP);
    EXPECT_THAT(calls().back(), StartsWith("vm.delete"));
}

TEST_F(GuestCommandTest, ATerminalIsRawAndResized)
{
    CliProcess process(exec({"sizes"}), environment_, CliProcess::Streams::terminal);
    process.expect("80x24\n");
    EXPECT_FALSE(process.terminal_is_ordinary());
    process.resize(120, 40);
    process.expect("120x40\n");
    process.write("\x03");
    process.expect("got 3\n");
    EXPECT_EQ(process.wait().status, 7);
    EXPECT_TRUE(process.terminal_is_ordinary());
}

TEST_F(GuestCommandTest, ATerminalIsPutBackAfterASignal)
{
    CliProcess process(exec({"sizes"}), environment_, CliProcess::Streams::terminal);
    process.expect("80x24\n");
    process.kill(SIGTERM);
    process.kill(SIGHUP);
    EXPECT_NE(process.wait().signal, 0);
    EXPECT_TRUE(process.terminal_is_ordinary());
}

TEST_F(GuestCommandTest, RmDeletesWhateverTheStatus)
{
    EXPECT_EQ(banger({"vm", "run", "--rm", "--", "exit", "5"}).status, 5);
    const auto made = calls();
    EXPECT_THAT(made.front(), HasSubstr(R"("removal":"with-session")"));
    EXPECT_THAT(made.back(), StartsWith("vm.delete"));
}

TEST_F(GuestCommandTest, WithoutRmItStays)
{
    EXPECT_EQ(banger({"vm", "run", "--", "exit", "5"}).status, 5);
    EXPECT_THAT(calls().back(), Not(StartsWith("vm.delete")));
}

TEST_F(GuestCommandTest, RunSaysTheSpecFirst)
{
    const auto ended = banger({"vm", "run", "--rm", "--", "both"});
    EXPECT_THAT(ended.err, StartsWith("spec: 2 CPUs, 2 GiB memory, 8 GiB disk (debian-bookworm as 'brave-otter')\n"));
    EXPECT_EQ(ended.out, "to out\n");
}

TEST_F(GuestCommandTest, ABareRunWithoutATerminalReadsCommands)
{
    const auto ended = banger({"vm", "run", "--name", "web"}, "echo hello\n");
    EXPECT_EQ(ended.status, 3);
    EXPECT_EQ(ended.out, "echo hello\n");
    EXPECT_THAT(ended.err, HasSubstr("vm 'web' is still running"));
    EXPECT_THAT(ended.err, HasSubstr("banger vm delete web"));
}

TEST_F(GuestCommandTest, ABareRunOnATerminalIsSsh)
{
    ASSERT_TRUE(sdk::os::write_file_atomic(home_ + "/ssh", "#!/bin/sh\nprintf '<%s>\\n' \"$@\"\nexit 9\n", 0755));
    environment_["PATH"] = home_ + ":/usr/bin:/bin";
    CliProcess process({"vm", "run", "--name", "web"}, environment_, CliProcess::Streams::terminal);
    process.expect("<root@web.vm>");
    const auto ended = process.wait();
    EXPECT_EQ(ended.status, 9);
    EXPECT_THAT(ended.out, HasSubstr("<StrictHostKeyChecking=yes>"));
    EXPECT_THAT(ended.err, HasSubstr("is still running"));
}

// An ssh that does nothing but start its proxy, and fails. To the guest that cuts it off it would go on sending for ever.
constexpr const char* proxy_only = R"(#!/bin/sh
mkfifo "$0.silence"
for word; do case $word in
    "ProxyCommand="*" cut 22") sh -c "exec ${word#ProxyCommand=}" <> "$0.silence" ;;
    "ProxyCommand="*) sh -c "exec ${word#ProxyCommand=}" ;;
esac; done
rm "$0.silence"
exit 255
)";

TEST_F(GuestCommandTest, WhatKeepsSshFromItsGuestIsBangersFailure)
{
    ASSERT_TRUE(sdk::os::write_file_atomic(home_ + "/ssh", proxy_only, 0755));
    environment_["PATH"] = home_ + ":/usr/bin:/bin";
    const auto unreachable = banger({"vm", "ssh", "nossh"});
    EXPECT_EQ(unreachable.status, 125);
    EXPECT_EQ(unreachable.err, "error: nobody listens on port 22\n");
    const auto lost = banger({"vm", "ssh", "cut"});
    EXPECT_EQ(lost.status, 125);
    EXPECT_THAT(lost.err, HasSubstr("connection")) << "it ended in its middle, as with the daemon";
    EXPECT_EQ(banger({"vm", "ssh", "web"}, "x").status, 255) << "the proxy did its work, so it is ssh's or the guest's";
}

TEST_F(GuestCommandTest, ABareRunWithRmOnlyDeletes)
{
    const auto ended = banger({"vm", "run", "--rm", "--name", "web"}, "x");
    EXPECT_THAT(ended.err, Not(HasSubstr("still running")));
    EXPECT_THAT(calls().back(), StartsWith("vm.delete"));
}

TEST_F(GuestCommandTest, SshWithoutAnSshServer)
{
    EXPECT_EQ(banger({"vm", "ssh", "small"}, "hello").out, "hello");
    const auto command = banger({"vm", "ssh", "small", "--", "both"});
    const auto by_exec = banger({"vm", "exec", "small", "--", "both"});
    EXPECT_EQ(command.status, by_exec.status) << command.err;
    EXPECT_EQ(command.out, by_exec.out);
    const auto ended = banger({"vm", "ssh", "small", "--", "-N"});
    EXPECT_EQ(ended.status, 125);
    EXPECT_THAT(ended.err, HasSubstr("banger vm exec small"));
}

TEST_F(GuestCommandTest, CtrlCWhileItIsMadeCancels)
{
    CliProcess process({"vm", "run", "--rm", "--name", "slow", "--", "true"}, environment_);
    process.expect_error("booting");
    process.kill(SIGINT);
    const auto ended = process.wait();
    EXPECT_EQ(ended.signal, SIGINT);
    EXPECT_THAT(ended.err, HasSubstr("undoing"));
    EXPECT_THAT(ended.err, HasSubstr("error: creating vm 'slow' was cancelled"));
}

TEST_F(GuestCommandTest, ProgressOnATerminalVanishes)
{
    CliProcess process({"vm", "create"}, environment_, CliProcess::Streams::error_terminal);
    process.resize(20, 24);
    const auto ended = process.wait();
    EXPECT_EQ(ended.out, "brave-otter\n");
    EXPECT_THAT(ended.err, ::testing::EndsWith("\r\x1b[K"));
}

TEST_F(GuestCommandTest, DeletionOfARunningVmAsksOnATerminal)
{
    for (const bool yes : {false, true}) {
        CliProcess process({"vm", "delete", "web"}, environment_, CliProcess::Streams::all_terminal);
        process.expect("delete it? [y/N]");
        process.write(yes ? "y\n" : "\n");
        EXPECT_EQ(process.wait().status, yes ? 0 : 1);
        EXPECT_EQ(calls().back().starts_with("vm.delete"), yes);
    }
    CliProcess forced({"vm", "delete", "-f", "web"}, environment_, CliProcess::Streams::all_terminal);
    EXPECT_EQ(forced.wait().status, 0);
}

TEST_F(GuestCommandTest, LogsAreFollowed)
{
    banger({"daemon", "start"});
    std::ofstream log(home_ + "/state/console.log", std::ios::app);
    log << "first\n" << std::flush;
    EXPECT_EQ(banger({"vm", "logs", "web"}).out, "first\n");
    CliProcess process({"vm", "logs", "-f", "web"}, environment_);
    process.expect("first\n");
    log << "second\n" << std::flush;
    process.expect("second\n");
    process.kill(SIGINT);
    EXPECT_EQ(process.wait().signal, SIGINT);
}

TEST_F(GuestCommandTest, TheProxyCarriesBytes)
{
    const auto ended = banger({"vm", "proxy", "web", "22"}, "SSH-2.0-x\r\n");
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(ended.out, "SSH-2.0-x\r\n");
}

TEST_F(GuestCommandTest, OutputThatCannotBeWrittenIsAFailure)
{
    EXPECT_EQ(WEXITSTATUS(std::system("'" BANGER_PROGRAM "' version > /dev/full 2> /dev/null")), 1);
}

}  // namespace
}  // namespace banger::cli::testing
