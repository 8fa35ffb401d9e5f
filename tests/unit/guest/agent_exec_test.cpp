// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "serving_agent.hpp"

namespace banger::guest {
namespace {

using agent::FrameType;
using Exec = ServingAgent;

std::string pattern(std::size_t size)
{
    std::string bytes(size, '\0');
    unsigned state = 1;
    for (auto& byte : bytes) {
        state = state * 1103515245U + 12345U;
        byte = static_cast<char>(state >> 16U);
    }
    return bytes;
}

TEST_F(Exec, PassesArgumentsUntouched)
{
    const auto result =
        connect()->run(command({"printf", "%s|", "a b", "it's \"quoted\"", "line\nbreak", "\xff", ""}), "", patience());
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->out, "a b|it's \"quoted\"|line\nbreak|\xff||");
}

TEST_F(Exec, KeepsOutputsApartAndTheExitCode)
{
    const auto result = shell("echo to-out; echo to-err >&2; exit 42");
    EXPECT_EQ(result.out, "to-out\n");
    EXPECT_EQ(result.err, "to-err\n");
    EXPECT_EQ(result.exit.code, 42);
    EXPECT_EQ(result.exit.signal, 0);
}

TEST_F(Exec, TellsASignalFromACode)
{
    EXPECT_EQ(shell("kill -TERM $$").exit.signal, SIGTERM);
    EXPECT_EQ(shell("exit 143").exit.signal, 0);
}

TEST_F(Exec, SaysLikeAShellWhatCannotRun)
{
    const auto missing = connect()->run(command({"no-such-command"}), "", patience());
    ASSERT_TRUE(missing);
    EXPECT_EQ(missing->exit.code, 127);
    EXPECT_EQ(missing->err, "banger: no-such-command: not found\n");
    const auto not_a_program = connect()->run(command({"/etc/passwd"}), "", patience());
    ASSERT_TRUE(not_a_program);
    EXPECT_EQ(not_a_program->exit.code, 126);
    auto nowhere = command({"true"});
    nowhere.cwd = "/no/such/place";
    EXPECT_EQ(connect()->run(nowhere, "", patience())->exit.code, 126);
}

TEST_F(Exec, RefusesAnUnknownUser)
{
    auto spec = command({"true"});
    spec.user = "nobody-by-this-name";
    const auto result = connect()->run(spec, "", patience());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, sdk::Code::not_found);
}

TEST_F(Exec, GivesASaneEnvironmentAndTheCallersOnTop)
{
    auto spec = command({"/bin/sh", "-c", "echo $LANG:$MINE:$HOME:${TERM-none}; pwd"});
    spec.env = {{"MINE", "a b"}, {"HOME", "/else"}};
    spec.cwd = "/usr";
    const auto result = connect()->run(spec, "", patience());
    ASSERT_TRUE(result);
    EXPECT_EQ(result->out, "C.UTF-8:a b:/else:none\n/usr\n");
}

TEST_F(Exec, FeedsInputToItsEnd)
{
    const auto client = connect();
    EXPECT_EQ(client->run(command({"cat"}), "x", patience())->out, "x");
    EXPECT_EQ(client->run(command({"cat"}), "", patience())->out, "");
    const auto bytes = pattern(5'000'001);
    const auto result = client->run(command({"cat"}), bytes, patience(), 8UL << 20U);
    ASSERT_TRUE(result);
    EXPECT_TRUE(result->out == bytes);
}

TEST_F(Exec, ACommandThatReadsNothingStopsNobody)
{
    const auto client = connect();
    RelayPeer deaf(*client, "/v0/exec", to_json(command({"/bin/sh", "-c", "echo up; sleep 1000"})));
    ASSERT_TRUE(deaf.wait_for_output("up"));
    // More than every window and socket buffer between here and there holds.
    std::thread sender([&] {
        std::string bytes;
        agent::write_frame(bytes, FrameType::data, std::string(64UL << 20U, 'x'));
        [[maybe_unused]] const auto sent = ::send(deaf.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    });
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(client->run(command({"cat"}), "still here", patience())->out, "still here");
    EXPECT_EQ(client->open_streams(), 1U);
    ::shutdown(deaf.fd(), 2);
    sender.join();
    EXPECT_FALSE(deaf.wait_done());
}

TEST_F(Exec, KeepsNoMoreThanTheLimit)
{
    const auto result = connect()->run(command({"/bin/sh", "-c", "head -c 100000 /dev/zero"}), "", patience(), 1000);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->out.size(), 1000U);
    EXPECT_TRUE(result->truncated);
}

TEST_F(Exec, LosesNothingThatWasWrittenBeforeTheEnd)
{
    EXPECT_EQ(shell("head -c 3000000 /dev/zero").out.size(), 3'000'000U);
}

TEST_F(Exec, DoesNotWaitForWhatRunsOnInTheBackground)
{
    const auto started = std::chrono::steady_clock::now();
    EXPECT_EQ(shell("sleep 20 & echo done").out, "done\n");
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(10));
}

TEST_F(Exec, ATerminalHasASizeThatFollows)
{
    auto spec = command(
        {"/bin/sh", "-c", "stty size; trap 'stty size; exit 5' WINCH; echo ready; while :; do sleep 0.1; done"});
    spec.tty = true;
    spec.columns = 101;
    spec.rows = 33;
    const auto client = connect();
    RelayPeer peer(*client, "/v0/exec", to_json(spec));
    ASSERT_TRUE(peer.wait_for_output("ready"));
    EXPECT_NE(peer.output.find("33 101"), std::string::npos);
    peer.send(FrameType::resize, agent::resize_payload(80, 24));
    EXPECT_EQ(peer.wait_for(FrameType::exit), R"({"code":5})");
    EXPECT_NE(peer.output.find("24 80"), std::string::npos);
    EXPECT_TRUE(peer.wait_done());
}

TEST_F(Exec, ControlCInterruptsAndEndOfFileEnds)
{
    auto spec = command({"/bin/sh", "-c", "tty >/dev/null && echo on-a-tty; exec cat"});
    spec.tty = true;
    const auto client = connect();
    RelayPeer interrupted(*client, "/v0/exec", to_json(spec));
    ASSERT_TRUE(interrupted.wait_for_output("on-a-tty"));
    interrupted.send(FrameType::data, "\x03");
    EXPECT_EQ(interrupted.wait_for(FrameType::exit), R"({"signal":2})");
    RelayPeer ended(*client, "/v0/exec", to_json(spec));
    ASSERT_TRUE(ended.wait_for_output("on-a-tty"));
    ended.send(FrameType::eof);
    EXPECT_EQ(ended.wait_for(FrameType::exit), R"({"code":0})");
}

TEST_F(Exec, DeliversSignalsToTheWholeGroup)
{
    const auto client = connect();
    RelayPeer peer(*client, "/v0/exec",
                   to_json(command({"/bin/sh", "-c", "trap 'exit 7' USR1; echo up; sleep 1000 & wait"})));
    ASSERT_TRUE(peer.wait_for_output("up"));
    peer.send(FrameType::signal, "USR1");
    EXPECT_EQ(peer.wait_for(FrameType::exit), R"({"code":7})");
}

TEST_F(Exec, HangsUpWhatItsCallerLeft)
{
    const auto client = connect();
    const auto fifo = path("fifo");
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    const sdk::os::UniqueFd heard(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));  // both ways: writers need not wait
    const auto script =
        "exec 2>/dev/null; trap 'echo hung up >" + fifo + "; exit' HUP; echo up; while :; do sleep 0.1; done";
    RelayPeer peer(*client, "/v0/exec", to_json(command({"/bin/sh", "-c", script})));
    ASSERT_TRUE(peer.wait_for_output("up"));
    peer.close();
    std::array<char, 8> line{};
    ASSERT_EQ(::read(heard.get(), line.data(), line.size()), 8);
    EXPECT_EQ(std::string(line.data(), 8), "hung up\n");
    const auto how = peer.wait_done();
    ASSERT_FALSE(how);
    EXPECT_EQ(how.error().code, sdk::Code::cancelled);
}

TEST_F(Exec, EndsWhatNobodyWaitsForAnyLonger)
{
    const auto client = connect();
    const auto late = client->run(command({"sleep", "1000"}), "", Patience::of(std::chrono::milliseconds(50)));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, sdk::Code::timed_out);
    std::stop_source stop;
    stop.request_stop();
    const auto stopped =
        client->run(command({"sleep", "1000"}), "", Patience::of(std::chrono::seconds(30), stop.get_token()));
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, sdk::Code::cancelled);
    EXPECT_EQ(client->run(command({"true"}), "", patience())->exit.code, 0);
}

TEST_F(Exec, TakesAnEnvironmentLongerThanAFrame)
{
    auto spec = command({"/bin/sh", "-c", "echo ${#BIG}"});
    spec.env = {{"BIG", std::string(100'000, 'b')}};
    const auto result = connect()->run(spec, "", patience());
    ASSERT_TRUE(result);
    EXPECT_EQ(result->out, "100000\n");
}

}  // namespace
}  // namespace banger::guest
