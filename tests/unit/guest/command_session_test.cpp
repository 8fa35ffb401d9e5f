// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Who has the input of a session and who watches, and how it begins and ends.
#include "command_session_test.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <memory>
#include <thread>

#include "guest/agent/command_sessions.hpp"

namespace banger::guest {
namespace {

using agent::AttachSpec;
using agent::FrameType;
using agent::SessionFacts;
using ::testing::HasSubstr;
using State = SessionFacts::State;

TEST_F(CommandSessionTest, SurvivesItsClientAndShowsWhatItWrote)
{
    {
        const auto client = connect();
        const auto facts = start(*client, script("echo begun; read line; echo got $line; exit 7", "work"));
        EXPECT_EQ(facts.state, State::running);
        EXPECT_EQ(facts.started_s, 1'000'000'000);
        EXPECT_GT(facts.pid, 0);
        RelayPeer peer(*client, "/v0/session/attach", attach("work", How::control));
        ASSERT_TRUE(peer.wait_for_output("begun"));
    }
    const auto client = connect();
    EXPECT_EQ(facts_of(*client, "work").state, State::running);
    RelayPeer peer(*client, "/v0/session/attach", attach("work", How::control));
    ASSERT_TRUE(peer.wait_for_output("begun")) << "shown again";
    peer.send(FrameType::data, "words\n");
    EXPECT_EQ(peer.wait_for(FrameType::exit), R"({"code":7})");
    EXPECT_EQ(peer.output, "begun\ngot words\n");
    EXPECT_TRUE(peer.wait_done());

    RelayPeer late(*client, "/v0/session/attach", attach("work", How::control));
    EXPECT_EQ(late.wait_for(FrameType::exit), R"({"code":7})");
    EXPECT_EQ(late.output, "begun\ngot words\n");
    const auto facts = facts_of(*client, "work");
    EXPECT_EQ(facts.state, State::ended);
    EXPECT_EQ(facts.end.exit.code, 7);
    EXPECT_EQ(facts.pid, 0);
    EXPECT_EQ(facts.written_bytes, peer.output.size());
}

TEST_F(CommandSessionTest, OneHasTheInputAndOthersWatch)
{
    const auto client = connect();
    start(*client, spec({"cat"}, "shared"));
    RelayPeer first(*client, "/v0/session/attach", attach("shared", How::control));
    ASSERT_TRUE(first.wait_for(FrameType::started));
    RelayPeer refused(*client, "/v0/session/attach", attach("shared", How::control));
    EXPECT_THAT(refused.wait_for(FrameType::error).value_or(""), HasSubstr("somebody is attached"));
    RelayPeer viewer(*client, "/v0/session/attach", attach("shared", How::view));
    RelayPeer another(*client, "/v0/session/attach", attach("shared", How::view));
    ASSERT_TRUE(viewer.wait_for(FrameType::started));
    ASSERT_TRUE(another.wait_for(FrameType::started));
    EXPECT_TRUE(facts_of(*client, "shared").attached);
    EXPECT_EQ(facts_of(*client, "shared").viewers, 2);
    viewer.send(FrameType::data, "from a viewer\n");
    first.send(FrameType::data, "from its owner\n");
    send(*client, "shared", "from beside\n");
    for (auto* peer : {&first, &viewer, &another}) {
        ASSERT_TRUE(peer->wait_for_output("from beside\n"));
        EXPECT_THAT(peer->output, HasSubstr("from its owner\n"));
        EXPECT_EQ(peer->output.find("viewer"), std::string::npos);
    }
    first.close();
    EXPECT_FALSE(first.wait_done());
    EXPECT_FALSE(facts_of(*client, "shared").attached);
    RelayPeer next(*client, "/v0/session/attach", attach("shared", How::control));
    ASSERT_TRUE(next.wait_for(FrameType::started));
    send(*client, "shared", "", true);
    EXPECT_EQ(viewer.wait_for(FrameType::exit), R"({"code":0})");
    EXPECT_EQ(next.wait_for(FrameType::exit), R"({"code":0})");
}

TEST_F(CommandSessionTest, WhoStealsTheInputHasItAndWhoeverHadItIsTold)
{
    const auto client = connect();
    start(*client, spec({"cat"}, "cat"));
    RelayPeer free(*client, "/v0/session/attach", steal("cat"));
    ASSERT_TRUE(free.wait_for(FrameType::started)) << "of nobody";
    RelayPeer hangs(*client, "/v0/session/attach", attach("cat", How::view));  // reads nothing
    RelayPeer thief(*client, "/v0/session/attach", steal("cat"));
    ASSERT_TRUE(thief.wait_for(FrameType::started));
    EXPECT_THAT(free.wait_for(FrameType::error).value_or(""), HasSubstr("somebody else has taken session 'cat' over"));
    EXPECT_TRUE(free.wait_done());
    thief.send(FrameType::data, "words\n");
    EXPECT_TRUE(thief.wait_for_output("words\n"));
    EXPECT_TRUE(hangs.wait_for_output("words\n")) << "who only watches goes on";
    EXPECT_TRUE(facts_of(*client, "cat").attached);
}

TEST_F(CommandSessionTest, TheInputIsStolenAlsoFromOneWhoHangs)
{
    const auto client = connect();
    start(*client, script("head -c 8000000 /dev/zero; echo; exec cat", "cat"));
    RelayPeer hangs(*client, "/v0/session/attach", attach("cat", How::control));
    ASSERT_TRUE(hangs.wait_for(FrameType::started));  // and reads nothing more
    RelayPeer thief(*client, "/v0/session/attach", steal("cat"));
    ASSERT_TRUE(thief.wait_for(FrameType::started));
    thief.send(FrameType::data, "words\n");
    ASSERT_TRUE(thief.wait_for_output("words\n"));
    EXPECT_TRUE(hangs.wait_for(FrameType::error)) << "told once he reads again";
}

TEST_F(CommandSessionTest, TheEndOfAClientsInputIsNotTheSessions)
{
    const auto client = connect();
    start(*client, spec({"cat"}, "cat"));
    RelayPeer peer(*client, "/v0/session/attach", attach("cat", How::control));
    peer.send(FrameType::eof);
    send(*client, "cat", "still open\n");
    EXPECT_TRUE(peer.wait_for_output("still open"));
    send(*client, "cat", "last\n", true);
    EXPECT_EQ(peer.wait_for(FrameType::exit), R"({"code":0})");
    RelayPeer late(*client, "/v0/session/attach", attach("cat", How::send));
    EXPECT_THAT(late.wait_for(FrameType::error).value_or(""), HasSubstr("has ended"));
}

TEST_F(CommandSessionTest, OneThatTookItsInputAndEndedIsNoErrorToWhoSentIt)
{
    const auto client = connect();
    start(*client, script("read line; echo got $line", "short"));
    RelayPeer sender(*client, "/v0/session/attach", attach("short", How::send));
    sender.send(FrameType::data, "words\n");
    RelayPeer viewer(*client, "/v0/session/attach", attach("short", How::view));
    ASSERT_TRUE(viewer.wait_for(FrameType::exit));
    sender.send(FrameType::eof);
    EXPECT_TRUE(sender.wait_for(FrameType::done));
    RelayPeer late(*client, "/v0/session/attach", attach("short", How::send));
    EXPECT_TRUE(late.wait_for(FrameType::error));
}

TEST_F(CommandSessionTest, WhatIsSentToAClosedInputIsAnError)
{
    const auto client = connect();
    start(*client, script("exec <&-; echo closed; exec sleep 1000", "deaf"));
    RelayPeer viewer(*client, "/v0/session/attach", attach("deaf", How::view));
    ASSERT_TRUE(viewer.wait_for_output("closed"));
    for (int i = 0; i < 2; ++i) {
        RelayPeer peer(*client, "/v0/session/attach", attach("deaf", How::send));
        peer.send(FrameType::data, "words\n");
        peer.send(FrameType::eof);
        EXPECT_THAT(peer.wait_for(FrameType::error).value_or(""), HasSubstr("has closed its input"));
    }
}

TEST_F(CommandSessionTest, ASlowViewerStopsNeitherTheCommandNorTheOthers)
{
    const auto client = connect();
    auto wanted = script("head -c 30000000 /dev/zero; echo done; read line", "flood");
    wanted.log_bytes = 1UL << 20U;
    start(*client, wanted);
    RelayPeer slow(*client, "/v0/session/attach", attach("flood", How::view));  // reads nothing for now
    RelayPeer fast(*client, "/v0/session/attach", attach("flood", How::view));
    ASSERT_TRUE(fast.wait_for_output("done"));
    const auto facts = facts_of(*client, "flood");
    EXPECT_EQ(facts.written_bytes, 30'000'005U);
    EXPECT_GE(facts.dropped_bytes, 28'000'000U);
    ASSERT_TRUE(slow.wait_for(FrameType::gap)) << "what it missed is said";
    ASSERT_TRUE(slow.wait_for_output("done"));
    EXPECT_LT(slow.output.size(), 30'000'000U);
}

TEST_F(CommandSessionTest, AReadEndsWhereItsSessionWasWhenItBegan)
{
    const auto client = connect();
    auto wanted = script("head -c 20000000 /dev/zero; echo one; read line; head -c 5000000 /dev/zero; echo two; read line", "more");
    wanted.log_bytes = 32UL << 20U;
    start(*client, wanted);
    RelayPeer viewer(*client, "/v0/session/attach", attach("more", How::view));
    ASSERT_TRUE(viewer.wait_for_output("one\n"));
    RelayPeer slow(*client, "/v0/session/attach", attach("more", How::read));  // reads nothing for now
    ASSERT_TRUE(slow.wait_for(FrameType::started));
    send(*client, "more", "go on\n");
    ASSERT_TRUE(viewer.wait_for_output("two\n"));
    ASSERT_TRUE(slow.wait_for(FrameType::done));
    EXPECT_EQ(slow.output.size(), 20'000'004U);
}

TEST_F(CommandSessionTest, ManyWhoWatchKeepNobodyFromItsInput)
{
    const auto client = connect();
    start(*client, spec({"cat"}, "seen"));
    std::vector<std::unique_ptr<RelayPeer>> crowd;
    for (std::size_t i = 0; i < agent::CommandSession::most_viewers; ++i) {
        crowd.push_back(std::make_unique<RelayPeer>(*client, "/v0/session/attach", attach("seen", How::view)));
        ASSERT_TRUE(crowd.back()->wait_for(FrameType::started));
    }
    RelayPeer refused(*client, "/v0/session/attach", attach("seen", How::view));
    EXPECT_THAT(refused.wait_for(FrameType::error).value_or(""), HasSubstr("too many watch"));
    RelayPeer owner(*client, "/v0/session/attach", attach("seen", How::control));
    ASSERT_TRUE(owner.wait_for(FrameType::started));
    send(*client, "seen", "words\n");
    EXPECT_TRUE(owner.wait_for_output("words"));
    EXPECT_EQ(facts_of(*client, "seen").viewers, 32);
}

TEST_F(CommandSessionTest, StopAsksAndThenInsists)
{
    const auto client = connect();
    start(*client, script("trap 'echo asked; exit 3' TERM; echo up; while :; do sleep 0.05; done", "polite"));
    RelayPeer peer(*client, "/v0/session/attach", attach("polite", How::view));
    ASSERT_TRUE(peer.wait_for_output("up"));
    auto ended = client->stop_session(order("polite", 0, std::chrono::seconds(20)), patience());
    ASSERT_TRUE(ended) << ended.error().message;
    EXPECT_EQ(ended->state, State::ended);
    EXPECT_EQ(ended->end.exit.code, 3);
    EXPECT_THAT(read(*client, "polite"), HasSubstr("asked"));
    EXPECT_TRUE(client->stop_session(order("polite", 0), patience())) << "ended already is fine";

    start(*client, script("trap '' TERM; echo up; while :; do sleep 0.05; done", "stubborn"));
    RelayPeer other(*client, "/v0/session/attach", attach("stubborn", How::view));
    ASSERT_TRUE(other.wait_for_output("up"));
    ended = client->stop_session(order("stubborn", 0, std::chrono::milliseconds(100)), patience());
    ASSERT_TRUE(ended) << ended.error().message;
    EXPECT_EQ(ended->end.exit.signal, SIGKILL);
    EXPECT_EQ(other.wait_for(FrameType::exit), R"({"signal":9})");
}

TEST_F(CommandSessionTest, StopLeavesNobodyBehind)
{
    const auto client = connect();
    const auto fifo = path("fifo");
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    // The one left behind holds the fifo's only writing end: what reads there learns of its death.
    start(*client, script("sh -c 'trap \"\" TERM; exec >" + fifo + " 2>&1 </dev/null; echo up; while :; do sleep 0.05; done' & wait",
                          "parent"));
    const sdk::os::UniqueFd heard(::open(fifo.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 8> line{};
    ASSERT_EQ(::read(heard.get(), line.data(), line.size()), 3);
    const auto ended = client->stop_session(order("parent", 0, std::chrono::milliseconds(500)), patience());
    ASSERT_TRUE(ended) << ended.error().message;
    EXPECT_EQ(ended->end.exit.signal, SIGTERM);
    pollfd gone{heard.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&gone, 1, 20'000), 1) << "it lives on";
    EXPECT_EQ(::read(heard.get(), line.data(), line.size()), 0);
}

TEST_F(CommandSessionTest, ALaterOrderToStopDoesNotPutAnEarlierOneOff)
{
    const auto client = connect();
    start(*client, script("trap 'echo asked' TERM; echo up; while :; do sleep 0.05; done", "stubborn"));
    RelayPeer peer(*client, "/v0/session/attach", attach("stubborn", How::view));
    ASSERT_TRUE(peer.wait_for_output("up"));
    std::thread first([&] {
        EXPECT_TRUE(client->stop_session(order("stubborn", 0, std::chrono::seconds(1)), patience()));
    });
    ASSERT_TRUE(peer.wait_for_output("asked"));
    const auto ended = client->stop_session(order("stubborn", 0, std::chrono::hours(1)), patience());
    first.join();
    ASSERT_TRUE(ended) << ended.error().message;
    EXPECT_EQ(ended->end.exit.signal, SIGKILL);
}

TEST_F(CommandSessionTest, ASignalOfChoiceReachesIt)
{
    const auto client = connect();
    start(*client, script("trap 'echo usr1' USR1; echo up; while :; do sleep 0.05; done", "signals"));
    RelayPeer peer(*client, "/v0/session/attach", attach("signals", How::control));
    ASSERT_TRUE(peer.wait_for_output("up"));
    ASSERT_TRUE(client->signal_session(order("signals", SIGUSR1), patience()));
    ASSERT_TRUE(peer.wait_for_output("usr1"));
    peer.send(FrameType::signal, "INT");
    EXPECT_EQ(peer.wait_for(FrameType::exit), R"({"signal":2})");
    EXPECT_EQ(client->signal_session(order("signals", SIGKILL), patience()).error().code, sdk::Code::precondition);
}

TEST_F(CommandSessionTest, WhatItNeedsIsLookedForFirst)
{
    const auto client = connect();
    const auto refusal = [&](const agent::SessionSpec& wanted) {
        auto facts = client->start_session(wanted, patience());
        return facts ? "" : std::string(sdk::to_string(facts.error().code)) + ": " + facts.error().message;
    };
    auto wanted = spec({"true"}, "x");
    wanted.require = {"sh", "no-such-command"};
    EXPECT_EQ(refusal(wanted), "not-found: the session needs 'no-such-command', which is not in the guest");
    wanted.require = {"sh", "/bin/sh"};
    EXPECT_EQ(refusal(wanted), "");
    EXPECT_EQ(refusal(spec({"no-such-command"}, "y")), "not-found: there is no command 'no-such-command' in the guest");
    EXPECT_EQ(refusal(spec({"/etc/passwd"}, "y")), "not-found: there is no command '/etc/passwd' in the guest");
    wanted = spec({"true"}, "y");
    wanted.exec.cwd = "/no/such/place";
    EXPECT_EQ(refusal(wanted), "not-found: there is no directory '/no/such/place' in the guest");
    wanted = spec({"true"}, "y");
    wanted.exec.user = "nobody-by-this-name";
    EXPECT_THAT(refusal(wanted), HasSubstr("not-found: the guest has no user"));
    wanted = spec({"true"}, "y");
    wanted.exec.env = {{"PATH", "/nowhere"}};
    EXPECT_THAT(refusal(wanted), HasSubstr("there is no command 'true'"));
    EXPECT_THAT(refusal(spec({"true"}, "a/b")), HasSubstr("invalid"));
    EXPECT_EQ(client->sessions({}, patience())->size(), 1U) << "of those that were refused nothing is left";
}

TEST_F(CommandSessionTest, NamesAreMadeAndUsedOnceAtATime)
{
    const auto client = connect();
    EXPECT_EQ(start(*client, spec({"sleep", "1000"})).name, "sleep");
    EXPECT_EQ(start(*client, spec({"/bin/sleep", "1000"})).name, "sleep-2");
    const auto again = client->start_session(spec({"sleep", "1000"}, "sleep"), patience());
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, sdk::Code::exists);
    ASSERT_TRUE(client->stop_session(order("sleep", 0, std::chrono::seconds(20)), patience()));
    start(*client, script("echo new; read line", "sleep"));
    RelayPeer peer(*client, "/v0/session/attach", attach("sleep", How::view));
    EXPECT_TRUE(peer.wait_for_output("new"));
    EXPECT_EQ(client->sessions("nobody", patience()).error().code, sdk::Code::not_found);
}

TEST_F(CommandSessionTest, OneThatCannotStartTakesNobodysPlace)
{
    const auto client = connect();
    start(*client, script("echo words; exit 5", "work"));
    RelayPeer peer(*client, "/v0/session/attach", attach("work", How::view));
    ASSERT_TRUE(peer.wait_for(FrameType::exit));
    rlimit before{};
    ASSERT_EQ(prlimit(agent_pid(), RLIMIT_NOFILE, nullptr, &before), 0);
    const rlimit few{static_cast<rlim_t>(std::distance(
                         std::filesystem::directory_iterator("/proc/" + std::to_string(agent_pid()) + "/fd"), {})),
                     before.rlim_max};
    ASSERT_EQ(prlimit(agent_pid(), RLIMIT_NOFILE, &few, nullptr), 0);
    EXPECT_FALSE(client->start_session(script("echo new", "work"), patience()));
    ASSERT_EQ(prlimit(agent_pid(), RLIMIT_NOFILE, &before, nullptr), 0);
    EXPECT_EQ(facts_of(*client, "work").end.exit.code, 5);
    EXPECT_EQ(read(*client, "work"), "words\n");
}

TEST_F(CommandSessionTest, ThereAreOnlySoManyAndTheOldestThatEndedGoes)
{
    const auto client = connect();
    auto oldest = spec({"true"}, "oldest");
    oldest.now_s = 1;
    start(*client, oldest);
    ASSERT_TRUE(client->stop_session(order("oldest", 0, std::chrono::seconds(20)), patience()));
    for (std::size_t i = 0; i < agent::CommandSessions::most_sessions; ++i)
        start(*client, spec({"sleep", "1000"}, "n" + std::to_string(i)));
    EXPECT_EQ(client->sessions("oldest", patience()).error().code, sdk::Code::not_found);
    const auto refused = client->start_session(spec({"sleep", "1000"}), patience());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, sdk::Code::busy);
    EXPECT_EQ(client->sessions({}, patience())->size(), agent::CommandSessions::most_sessions);
}

TEST_F(CommandSessionTest, ATerminalIsGivenAndFollowsWhoIsAttached)
{
    const auto client = connect();
    auto wanted = script("stty size; trap 'stty size' WINCH; echo up; while :; do sleep 0.05; done", "screen");
    wanted.exec.tty = true;
    wanted.exec.columns = 80;
    wanted.exec.rows = 24;
    start(*client, wanted);
    RelayPeer viewer(*client, "/v0/session/attach", attach("screen", How::view));
    ASSERT_TRUE(viewer.wait_for_output("up"));
    AttachSpec spec;
    spec.name = "screen";
    spec.how = How::control;
    spec.size = {101, 33};
    RelayPeer peer(*client, "/v0/session/attach", to_json(spec));
    ASSERT_TRUE(peer.wait_for_output("24 80"));
    ASSERT_TRUE(peer.wait_for_output("33 101"));
    peer.send(FrameType::resize, agent::resize_payload(90, 30));
    ASSERT_TRUE(peer.wait_for_output("30 90"));
    ASSERT_TRUE(client->stop_session(order("screen", 0, std::chrono::seconds(20)), patience()));
}

TEST_F(CommandSessionTest, AnInteractiveShellIsStoppedThoughItIgnoresTerm)
{
    const auto client = connect();
    auto wanted = spec({"/bin/bash", "--norc", "-i"}, "shell");
    wanted.exec.tty = true;
    start(*client, wanted);
    send(*client, "shell", "echo $((6*7))\n");
    RelayPeer peer(*client, "/v0/session/attach", attach("shell", How::view));
    ASSERT_TRUE(peer.wait_for_output("42"));
    const auto ended = client->stop_session(order("shell", 0, std::chrono::seconds(25)), patience());
    ASSERT_TRUE(ended) << ended.error().message;
    EXPECT_NE(ended->end.exit.signal, SIGKILL);
}

TEST_F(CommandSessionTest, ItsLongArgumentsFitTheAnswers)
{
    const auto client = connect();
    std::vector<std::string> argv{"/bin/sh", "-c", "echo $#", "sh"};
    argv.resize(1000, std::string(200, 'x'));
    start(*client, spec(argv, "long"));
    RelayPeer peer(*client, "/v0/session/attach", attach("long", How::view));
    EXPECT_EQ(peer.wait_for(FrameType::exit), R"({"code":0})");
    EXPECT_EQ(peer.output, "996\n");
    EXPECT_EQ(facts_of(*client, "long").argv.front(), "/bin/sh");
}

}  // namespace
}  // namespace banger::guest
