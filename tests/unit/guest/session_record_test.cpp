// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What is kept of sessions on the guest's disk, and what they do where it does not keep it.
#include "command_session_test.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "guest/agent/services.hpp"

namespace banger::guest {
namespace {

using agent::FrameType;
using agent::SessionFacts;
using ::testing::HasSubstr;
using State = SessionFacts::State;

TEST_F(CommandSessionTest, AfterTheMachineWasOffWhatEndedIsKnownAndWhatRanIsLost)
{
    {
        const auto client = connect();
        start(*client, script("echo words; exit 5", "ended"));
        start(*client, script("echo words; exec sleep 1000", "ran"));
        RelayPeer peer(*client, "/v0/session/attach", attach("ran", How::view));
        ASSERT_TRUE(peer.wait_for_output("words"));
        RelayPeer other(*client, "/v0/session/attach", attach("ended", How::view));
        ASSERT_TRUE(other.wait_for(FrameType::exit));
    }
    kill_agent();
    start_agent();
    const auto client = connect();
    const auto ended = facts_of(*client, "ended");
    EXPECT_EQ(ended.state, State::ended);
    EXPECT_EQ(ended.end.exit.code, 5);
    EXPECT_EQ(ended.started_s, 1'000'000'000);
    EXPECT_EQ(read(*client, "ended"), "words\n");
    const auto lost = facts_of(*client, "ran");
    EXPECT_EQ(lost.state, State::lost);
    EXPECT_FALSE(lost.ran_ms);
    RelayPeer peer(*client, "/v0/session/attach", attach("ran", How::control));
    EXPECT_THAT(peer.wait_for(FrameType::error).value_or(""), HasSubstr("the machine went off"));
    EXPECT_EQ(peer.output, "words\n");
    start(*client, script("echo new", "ran"));
}

TEST_F(CommandSessionTest, AnAgentThatIsAskedToEndKeepsHowEachOfThemEndedFirst)
{
    {
        const auto client = connect();
        start(*client, script("echo words; exec sleep 1000", "dies"));
        start(*client, script("echo words; exec sleep 1000", "runs"));
        for (const char* name : {"dies", "runs"}) {
            RelayPeer peer(*client, "/v0/session/attach", attach(name, How::view));
            ASSERT_TRUE(peer.wait_for_output("words"));
        }
        // As our init ends them: the agent may not have noticed when it is asked.
        kill(static_cast<pid_t>(facts_of(*client, "dies").pid), SIGKILL);
    }
    kill_agent(agent::Services::end_signal);
    start_agent();
    const auto client = connect();
    for (const auto& [name, signal] : {std::pair("dies", SIGKILL), std::pair("runs", SIGTERM)}) {
        const auto facts = facts_of(*client, name);
        EXPECT_EQ(facts.state, State::ended) << name;
        EXPECT_EQ(facts.end.exit.signal, signal) << name;
        EXPECT_EQ(read(*client, name), "words\n");
    }
    EXPECT_TRUE(facts_of(*client, "runs").end.by_machine);
}

TEST_F(CommandSessionTest, AnAgentThatIsAskedToEndWaitsForNoneThatStays)
{
    {
        const auto client = connect();
        start(*client, script("trap '' TERM; echo words; exec sleep 30", "stays"));
        start(*client, script("echo words; exec sleep 1000", "runs"));
        for (const char* name : {"stays", "runs"}) {
            RelayPeer peer(*client, "/v0/session/attach", attach(name, How::view));
            ASSERT_TRUE(peer.wait_for_output("words"));
        }
    }
    kill_agent(agent::Services::end_signal);
    start_agent();
    const auto client = connect();
    EXPECT_EQ(facts_of(*client, "stays").state, State::lost);
    EXPECT_EQ(facts_of(*client, "runs").state, State::ended);
}

TEST_F(CommandSessionTest, OneThatHasEndedKeepsNoFileSystemFromGettingReadOnly)
{
    const auto client = connect();
    start(*client, script("echo words", "work"));
    RelayPeer peer(*client, "/v0/session/attach", attach("work", How::view));
    ASSERT_TRUE(peer.wait_for(FrameType::exit));
    const std::string process = "/proc/" + std::to_string(agent_pid());
    int found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(process + "/fd")) {
        std::error_code ignored;
        if (std::filesystem::read_symlink(entry.path(), ignored) != path("sessions") + "/work.log")
            continue;
        ++found;
        std::ifstream facts(process + "/fdinfo/" + entry.path().filename().string());
        for (std::string key, value; facts >> key >> value;)
            if (key == "flags:") {
                EXPECT_EQ(std::stoul(value, nullptr, 8) & O_ACCMODE, static_cast<unsigned>(O_RDONLY));
            }
    }
    EXPECT_EQ(found, 1);
}

TEST_F(CommandSessionTest, WhereNothingCanBeWrittenItRunsAndSaysSo)
{
    std::ofstream(path("sessions")) << "in the way";
    const auto client = connect();
    const auto facts = start(*client, script("echo words; exit 5", "work"));
    EXPECT_NE(facts.log_problem, "");
    RelayPeer peer(*client, "/v0/session/attach", attach("work", How::view));
    EXPECT_EQ(peer.wait_for(FrameType::exit), R"({"code":5})");
    EXPECT_EQ(peer.output, "words\n");
}

TEST_F(CommandSessionTest, WithoutRoomForItsRecordItIsInMemoryAndSaysSo)
{
    // As where no file can be made any more, while those that are there can be written.
    std::filesystem::create_directories(path("sessions") + "/work.json.banger-new");
    const auto client = connect();
    const auto facts = start(*client, script("echo words; exit 5", "work"));
    EXPECT_THAT(facts.log_problem, HasSubstr("work.json"));
    EXPECT_FALSE(std::filesystem::exists(path("sessions") + "/work.log")) << "nobody would know of it after the machine's stop";
    RelayPeer peer(*client, "/v0/session/attach", attach("work", How::view));
    EXPECT_EQ(peer.wait_for(FrameType::exit), R"({"code":5})");
    EXPECT_EQ(peer.output, "words\n");
}

TEST_F(CommandSessionTest, ALogOfNobodysGoes)
{
    std::filesystem::create_directories(path("sessions"));
    for (const char* name : {"old.log", "mine.txt"})
        std::ofstream(path("sessions") + "/" + name) << "words";
    const auto client = connect();
    ASSERT_TRUE(client->sessions("", patience()));
    EXPECT_FALSE(std::filesystem::exists(path("sessions") + "/old.log"));
    EXPECT_TRUE(std::filesystem::exists(path("sessions") + "/mine.txt"));
}

TEST_F(CommandSessionTest, WhatOfItsOutputCannotBeReadIsSaidToBeMissing)
{
    const auto client = connect();
    start(*client, script("head -c 300000 /dev/zero | tr '\\0' x", "work"));
    {
        RelayPeer peer(*client, "/v0/session/attach", attach("work", How::view));
        ASSERT_TRUE(peer.wait_for(FrameType::exit));
    }
    std::filesystem::resize_file(path("sessions") + "/work.log", 100'000);  // what is behind it cannot be read
    for (const How how : {How::read, How::view}) {
        RelayPeer peer(*client, "/v0/session/attach", attach("work", how));
        const auto gap = peer.wait_for(FrameType::gap);
        ASSERT_TRUE(gap);
        EXPECT_TRUE(peer.wait_for(how == How::read ? FrameType::done : FrameType::exit));
        EXPECT_GT(peer.output.size(), 0U);
        EXPECT_EQ(peer.output.size() + std::stoul(*gap), 300'000U);
    }
}

/// A thread of another process, by its name, that stands still: what a disk does to who writes to it when it stands still itself.
class HeldThread {
public:
    HeldThread(pid_t process, const std::string& name)
    {
        for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
            std::string comm;
            std::ifstream(task.path() / "comm") >> comm;
            if (comm == name)
                id_ = std::stoi(task.path().filename());
        }
        if (id_ == 0)
            return;
        if (ptrace(PTRACE_SEIZE, id_, nullptr, nullptr) != 0) {
            refused_ = errno == EPERM || errno == ENOSYS;
            return;
        }
        held_ = ptrace(PTRACE_INTERRUPT, id_, nullptr, nullptr) == 0 && waitpid(id_, nullptr, __WALL) == id_;
    }
    ~HeldThread() { ptrace(PTRACE_DETACH, id_, nullptr, nullptr); }
    HeldThread(const HeldThread&) = delete;
    HeldThread& operator=(const HeldThread&) = delete;

    [[nodiscard]] bool held() const { return held_; }
    /// As in a container that allows no tracing (ptrace(2): EPERM).
    [[nodiscard]] bool refused() const { return refused_; }

private:
    pid_t id_ = 0;
    bool held_ = false;
    bool refused_ = false;
};

TEST_F(CommandSessionTest, ADiskThatStandsStillHoldsUpWhoWritesToItAndNobodyElse)
{
    const auto client = connect();
    auto wanted = script("read line; head -c 30000000 /dev/zero; echo done; read line", "flood");
    wanted.log_bytes = 32UL << 20U;
    start(*client, wanted);
    start(*client, script("trap '' TERM; echo up; exec cat", "another"));
    {
        RelayPeer ready(*client, "/v0/session/attach", attach("another", How::view));
        ASSERT_TRUE(ready.wait_for_output("up\n"));
    }
    std::unique_ptr<RelayPeer> viewer;
    {
        const HeldThread disk(agent_pid(), "files");
        if (disk.refused())
            GTEST_SKIP() << "no process may be traced here";
        ASSERT_TRUE(disk.held());
        send(*client, "flood", "go\n");
        viewer = std::make_unique<RelayPeer>(*client, "/v0/session/attach", attach("flood", How::view));
        ASSERT_TRUE(viewer->wait_for(FrameType::started));
        const auto ran = client->run(command({"sh", "-c", "echo $((6*7))"}), {}, patience());
        ASSERT_TRUE(ran) << ran.error().message;
        EXPECT_EQ(ran->out, "42\n");
        // Others have nowhere to put their output either; they take input, and end.
        send(*client, "another", "words\n", true);
        const auto ended = client->stop_session(order("another", 0, std::chrono::seconds(20)), patience());
        ASSERT_TRUE(ended) << ended.error().message;
        EXPECT_EQ(ended->state, State::ended);
        EXPECT_EQ(ended->end.exit.code, 0);
        const auto late = start(*client, spec({"sleep", "1000"}, "late"));
        EXPECT_EQ(late.state, State::running);
        EXPECT_EQ(late.log_problem, "its disk does not answer");
        const auto waits = facts_of(*client, "flood");
        EXPECT_EQ(waits.state, State::running);
        EXPECT_EQ(waits.log_problem, "its disk does not answer");
        EXPECT_LT(waits.written_bytes, 4'000'000U) << "and the rest waits in the command";
    }
    ASSERT_TRUE(viewer->wait_for_output("done\n"));
    EXPECT_EQ(viewer->output.size(), 30'000'005U) << "nothing of it is lost";
    EXPECT_EQ(facts_of(*client, "flood").log_problem, "");
    EXPECT_EQ(read(*client, "another"), "up\nwords\n");
    EXPECT_EQ(facts_of(*client, "late").log_problem, "");
}

}  // namespace
}  // namespace banger::guest
