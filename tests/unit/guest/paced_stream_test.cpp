// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A guest whose agent is not ours, and says more than anybody wants to hear.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "core/guest/agent_client.hpp"
#include "guest/agent/link.hpp"

namespace banger::guest {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t frame_payload = 1024;
constexpr std::size_t stream_window = 64UL * 1024;  // of a request whose answer has no end
constexpr std::chrono::milliseconds interval{100};  // between two of them
constexpr std::chrono::seconds patience{30};

/// Longer, and the same.
std::string padded(std::string json)
{
    json.resize(frame_payload, ' ');
    return json;
}

/// Begins as an honest answer does, and never ends.
class Flood final : public agent::FramedExchange {
public:
    Flood(agent::Stream& stream, std::string begin, std::string again)
        : FramedExchange(stream), begin_(std::move(begin)), again_(std::move(again))
    {
    }

private:
    void on_frame(agent::FrameType type, std::string_view /*payload*/) override
    {
        if (type != agent::FrameType::spec)
            return;
        begun_ = true;
        queue(agent::FrameType::started, begin_);
    }
    void on_end(bool /*clean*/) override {}
    Pulled pull(std::span<char> room) override
    {
        if (!begun_)
            return {};
        const auto count = std::min(again_.size(), room.size());  // what is cut off is padding
        std::copy_n(again_.begin(), count, room.begin());
        return {agent::FrameType::data, count};
    }

    const std::string begin_;
    const std::string again_;
    bool begun_ = false;
};

/// Its session with this host: the agent's own code around what floods.
class PacedStreamTest : public ::testing::Test {
protected:
    PacedStreamTest() : work_(boost::asio::make_work_guard(loop_))
    {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
        agent::Token token;
        token.fill('t');
        link_ = std::make_shared<agent::Link>(
            guest_loop_, sdk::os::UniqueFd(ends[1]), agent::Link::Kind::socket, token,
            [](const std::string& path, agent::Stream& stream) -> std::unique_ptr<agent::Exchange> {
                if (path == "/v0/listen")
                    return std::make_unique<Flood>(stream, agent::listening_to_json(1), padded(agent::accepted_to_json(1)));
                return std::make_unique<Flood>(stream, "{}", padded(agent::to_json(agent::ListenersChange{})));
            },
            agent::Link::Events{{}, [this] { guest_loop_.stop(); }});
        link_->start();
        guest_ = std::thread([this] { guest_loop_.run(); });
        host_ = std::thread([this] { loop_.run(); });
        client_ = AgentClient::open(loop_, sdk::os::UniqueFd(ends[0]), token);
    }
    ~PacedStreamTest() override
    {
        client_.reset();
        guest_.join();
        work_.reset();
        host_.join();
    }

    void hear()
    {
        if (++heard_ == wanted)
            enough_.set_value();
    }
    /// What is wanted fills four windows and most of a fifth: the first is open from the beginning, each other takes an interval.
    void expect_paced()
    {
        ASSERT_EQ(enough_.get_future().wait_for(patience), std::future_status::ready) << "it goes on";
        EXPECT_GE(Clock::now() - began_, 4 * interval);
        EXPECT_EQ(client_->open_streams(), 0U) << "it is nobody's stream";
    }

    static constexpr std::size_t wanted = 5 * stream_window / frame_payload - 10;

    agent::EventLoop guest_loop_;
    std::shared_ptr<agent::Link> link_;
    boost::asio::io_context loop_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::shared_ptr<AgentClient> client_;
    std::thread guest_;
    std::thread host_;
    std::size_t heard_ = 0;
    std::promise<void> enough_;
    const Clock::time_point began_ = Clock::now();
};

TEST_F(PacedStreamTest, ConnectionsThatAGuestAnnouncesAreHeardAtAPace)
{
    const auto listening = client_->listen({}, [this](std::int64_t) { hear(); }, [](const sdk::Result<void>&) {},
                                           Patience::of(patience));
    ASSERT_TRUE(listening) << listening.error().message;
    expect_paced();
    listening->stop();
}

TEST_F(PacedStreamTest, ListenersThatAGuestNamesAreHeardAtAPace)
{
    const auto stop =
        client_->follow_listeners([this](const agent::ListenersChange&) { hear(); }, [](const sdk::Result<void>&) {});
    expect_paced();
    stop();
}

}  // namespace
}  // namespace banger::guest
