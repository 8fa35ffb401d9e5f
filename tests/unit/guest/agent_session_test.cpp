// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <future>

#include "core/guest/call_streams.hpp"
#include "guest/protocol/json.hpp"
#include "serving_agent.hpp"

namespace banger::guest {
namespace {

using agent::FrameType;
using Session = ServingAgent;

TEST(FrameCallStream, AnAgentThatDoesNotKnowThePathIsNotMisread)
{
    sdk::Result<void> ended;
    FrameCallStream stream(
        "{}", {}, [](agent::FrameType, std::string_view) -> sdk::Result<void> { return {}; },
        [&](sdk::Result<void> how) { ended = std::move(how); });
    stream.on_status(501);
    stream.on_data(agent::error_to_json(sdk::make_error(sdk::Code::unsupported, "the guest agent does not know it")));
    stream.on_closed({});
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, sdk::Code::unsupported);
}

TEST_F(Session, GreetsAndAnswers)
{
    const auto client = connect();
    ASSERT_TRUE(client->wait_connected(patience()));
    const auto health = client->health(patience());
    ASSERT_TRUE(health);
    EXPECT_TRUE(agent::parse_object(*health, "health"));
    EXPECT_EQ(client->open_streams(), 0U);
}

TEST_F(Session, AnAgentOnAHostHasNoPowerOverIt)
{
    const auto client = connect();
    EXPECT_EQ(client->shutdown(patience()).error().code, sdk::Code::unsupported);
    EXPECT_EQ(client->configure("{}", patience()).error().code, sdk::Code::unsupported);
    EXPECT_EQ(client->sync(patience()).error().code, sdk::Code::unsupported);
}

TEST_F(Session, AWrongTokenIsNeverAnswered)
{
    token_.fill('x');
    const auto stranger = connect();
    token_.fill('t');
    EXPECT_EQ(stranger->wait_connected(Patience::of(std::chrono::milliseconds(100))).error().code,
              sdk::Code::timed_out);
    EXPECT_TRUE(connect()->wait_connected(patience()));
}

TEST_F(Session, TheLastToShowTheSecretHasTheSession)
{
    const auto first = connect();
    ASSERT_TRUE(first->wait_connected(patience()));
    std::promise<void> closed;
    first->on_closed([&](const sdk::Error&) { closed.set_value(); });
    const auto second = connect();
    EXPECT_TRUE(second->wait_connected(patience()));
    EXPECT_EQ(closed.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
    EXPECT_FALSE(first->health(patience()));
    EXPECT_TRUE(second->health(patience()));
}

TEST_F(Session, ADeadAgentFailsEveryCallClearly)
{
    const auto client = connect();
    ASSERT_TRUE(client->wait_connected(patience()));
    RelayPeer peer(*client, "/v0/exec", to_json(command({"/bin/sh", "-c", "echo up; exec cat"})));
    ASSERT_TRUE(peer.wait_for_output("up"));
    kill_agent();
    const auto error = peer.wait_for(FrameType::error);
    ASSERT_TRUE(error);
    EXPECT_EQ(agent::error_from_json(*error).code, sdk::Code::unavailable);
    EXPECT_FALSE(peer.wait_done());
    EXPECT_EQ(client->health(patience()).error().code, sdk::Code::unavailable);
    EXPECT_EQ(client->wait_connected(patience()).error().code, sdk::Code::unavailable);
    EXPECT_FALSE(client->alive());
    EXPECT_EQ(client->open_streams(), 0U);
}

/// A client that stops dead in the middle of a transfer, on a channel that remembers its bytes.
class SerialSession : public ServingAgent {
protected:
    SerialSession() : port_(dial()) {}

    /// Opens a session by hand, leaves it in the middle, and keeps the socket as a killed process would have had it.
    void die_in_the_middle(const std::string& script, bool feed)
    {
        auto client = open(port_.plug_in());
        RelayPeer peer(*client, "/v0/exec", to_json(command({"/bin/sh", "-c", script})));
        ASSERT_TRUE(peer.wait_for_output("up"));
        if (feed)
            peer.send(FrameType::data, std::string(1'000'000, 'f'));
        else
            ASSERT_TRUE(peer.wait_for_output(std::string(500'000, '\0')));
        client.reset();
    }
    void expect_fresh_session()
    {
        const auto client = open(port_.plug_in());
        ASSERT_TRUE(client->wait_connected(patience()));
        const auto result = client->run(command({"cat"}), std::string(1'000'000, 'z'), patience());
        ASSERT_TRUE(result) << result.error().message;
        EXPECT_TRUE(result->out == std::string(1'000'000, 'z'));
    }

    SerialPort port_;
};

TEST_F(SerialSession, ANewClientGetsThroughAfterOneThatDiedSending)
{
    die_in_the_middle("echo up; exec cat >/dev/null", true);
    expect_fresh_session();
}

TEST_F(SerialSession, ANewClientGetsThroughAfterOneThatDiedReceiving)
{
    die_in_the_middle("echo up; exec cat /dev/zero", false);
    expect_fresh_session();
}

TEST_F(SerialSession, ANewSessionHangsUpWhatTheOldOneRan)
{
    const auto fifo = path("fifo");
    ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
    const sdk::os::UniqueFd heard(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));  // both ways: writers need not wait
    // It reads nothing: a shell's `read` takes a byte at a time, and looks for signals only behind the last of a million.
    die_in_the_middle("exec 2>/dev/null; trap 'echo hung up >" + fifo + "; exit' HUP; echo up; while :; do sleep 0.1; done",
                      true);
    expect_fresh_session();
    std::array<char, 8> line{};
    pollfd said{heard.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&said, 1, 30'000), 1) << "it was killed before it could say so";
    ASSERT_EQ(::read(heard.get(), line.data(), line.size()), 8);
    EXPECT_EQ(std::string(line.data(), 8), "hung up\n");
}

TEST_F(SerialSession, GarbageBeforeTheGreetingIsSkipped)
{
    auto raw = port_.plug_in();
    const std::string garbage(100'000, '\xf1');
    ASSERT_EQ(::send(raw.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL), static_cast<ssize_t>(garbage.size()));
    raw.reset();
    expect_fresh_session();
}

}  // namespace
}  // namespace banger::guest
