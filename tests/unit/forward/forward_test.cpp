// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <csignal>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "core/forward/forward_to_guest.hpp"
#include "core/forward/forward_to_host.hpp"
#include "serving_agent.hpp"
#include "tests/unit/forward/connections.hpp"

namespace banger::forward {
namespace {

/// The agent runs on this host, so both ends of a forward are the test's own sockets.
class ForwardTest : public guest::ServingAgent {
protected:
    ForwardTest() : client_(connect()) { EXPECT_TRUE(client_->wait_connected(patience())); }
    ~ForwardTest() override { close(); }

    /// In the order in which they come.
    Forward::Events events()
    {
        Forward::Events events;
        events.failed = [this](const sdk::Error& why) { note(failed_, why); };
        events.ended = [this](const sdk::Error& why) { note(ended_, why); };
        return events;
    }
    void note(std::vector<sdk::Error>& into, const sdk::Error& what)
    {
        const std::lock_guard lock(mutex_);
        into.push_back(what);
        noted_.notify_all();
    }
    sdk::Error first_of(const std::vector<sdk::Error>& noted)
    {
        std::unique_lock lock(mutex_);
        const bool came = noted_.wait_for(lock, forward::patience, [&] { return !noted.empty(); });
        return came ? noted.front() : sdk::make_error(sdk::Code::timed_out, "nothing was told");
    }
    /// Does it on the loop's thread.
    template <typename Work>
    void on_loop(Work work)
    {
        std::promise<void> done;
        boost::asio::post(loop_, [&] {
            work();
            done.set_value();
        });
        done.get_future().wait();
    }
    void to_guest(sdk::os::UniqueFd listener, const agent::ConnectSpec& target)
    {
        on_loop([&] {
            forward_ = ForwardToGuest::start(loop_, std::move(listener), target, client_, places_, events());
        });
    }
    sdk::Result<std::uint16_t> to_host(const agent::ListenSpec& from, HostTarget target)
    {
        auto forward = ForwardToHost::make(loop_, std::move(target), client_, places_, events());
        auto port = forward->listen(from, patience());
        forward_ = forward;
        return port;
    }
    /// A forward to a socket file of this host that is not there.
    std::shared_ptr<ForwardToHost> to_nobody()
    {
        EXPECT_TRUE(to_host({}, {{}, 0, path("nobody.sock")}));
        return std::static_pointer_cast<ForwardToHost>(forward_);
    }
    void close()
    {
        if (const auto forward = std::exchange(forward_, nullptr))
            on_loop([&] { forward->close(); });
    }
    /// A forward to the guest's `target`, and a connection through it.
    sdk::os::UniqueFd dial_guest(const agent::ConnectSpec& target)
    {
        auto listener = listen_here();
        const auto place = sdk::os::tcp_address("127.0.0.1", sdk::os::port_of(listener.get()));
        to_guest(std::move(listener), target);
        return connect_to(place);
    }
    static void expect_joined(const sdk::os::UniqueFd& one, const sdk::os::UniqueFd& other)
    {
        ASSERT_TRUE(one && other);
        send(one, "question");
        EXPECT_EQ(receive(other, 8), "question");
        ::shutdown(one.get(), SHUT_WR);
        EXPECT_EQ(end_of(other), End::regular);
        send(other, "answer");
        EXPECT_EQ(receive(one, 6), "answer");
    }
    static agent::ConnectSpec to_port(std::uint16_t port, const std::string& address = {})
    {
        agent::ConnectSpec spec;
        spec.tcp_port = port;
        spec.tcp_address = address;
        return spec;
    }
    static std::uint16_t port_of(const sdk::os::UniqueFd& socket) { return sdk::os::port_of(socket.get()); }

    std::shared_ptr<Places> places_ = std::make_shared<Places>(100);
    std::shared_ptr<guest::AgentClient> client_;
    std::shared_ptr<Forward> forward_;
    std::mutex mutex_;
    std::condition_variable noted_;
    std::vector<sdk::Error> failed_;
    std::vector<sdk::Error> ended_;
};

TEST_F(ForwardTest, ToAPortOfTheGuest)
{
    const auto server = listen_here();
    const auto caller = dial_guest(to_port(port_of(server)));
    expect_joined(caller, accepted(server));
}

TEST_F(ForwardTest, ToAPortThatListensOnIPv6LoopbackOnly)
{
    const auto server = sdk::os::listen_tcp("::1", 0);
    if (!server)
        GTEST_SKIP() << "this host has no IPv6";
    const auto caller = dial_guest(to_port(port_of(*server)));
    expect_joined(caller, accepted(*server));
}

TEST_F(ForwardTest, FromASocketFileToASocketFile)
{
    const auto server = sdk::os::listen_new_unix(path("guest.sock"));
    ASSERT_TRUE(server);
    auto listener = sdk::os::listen_new_unix(path("host.sock"));
    ASSERT_TRUE(listener);
    agent::ConnectSpec target;
    target.unix_path = path("guest.sock");
    to_guest(std::move(listener->socket), target);
    const auto caller = connect_to(sdk::os::unix_address(path("host.sock")));
    expect_joined(caller, accepted(server->socket));
}

TEST_F(ForwardTest, WhereNobodyListensTheCallerIsResetAndItIsTold)
{
    auto server = listen_here();
    const auto number = port_of(server);
    server.reset();
    const auto caller = dial_guest(to_port(number));
    EXPECT_EQ(end_of(caller), End::reset);
    const auto why = first_of(failed_);
    EXPECT_NE(why.message.find("port " + std::to_string(number)), std::string::npos) << why.message;
    EXPECT_NE(why.message.find("in the guest"), std::string::npos) << why.message;
    EXPECT_TRUE(ended_.empty());
}

TEST_F(ForwardTest, ConnectionsThatHangDoNotHoldUpTheOthers)
{
    const auto server = listen_here();
    auto listener = listen_here();
    const auto place = sdk::os::tcp_address("127.0.0.1", port_of(listener));
    to_guest(std::move(listener), to_port(port_of(server)));
    // Nobody ever reads from these, and all that they take is sent to them.
    const std::string much(1U << 20U, 'x');
    std::vector<sdk::os::UniqueFd> hanging;
    std::vector<sdk::os::UniqueFd> never_read;
    for (int i = 0; i < 30; ++i) {
        hanging.push_back(connect_to(place));
        never_read.push_back(accepted(server));
        while (::send(hanging.back().get(), much.data(), much.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
        }
    }
    const auto caller = connect_to(place);
    expect_joined(caller, accepted(server));
}

TEST_F(ForwardTest, ThousandsOfConnectionsStandAtOnce)
{
    constexpr std::size_t many = 2500;
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < 4 * many)
        GTEST_SKIP() << "no process may have so many descriptors here";
    limit.rlim_cur = 4 * many;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    ASSERT_EQ(::prlimit(agent_pid(), RLIMIT_NOFILE, &limit, nullptr), 0);
    places_ = std::make_shared<Places>(many);
    const auto server = listen_here();
    auto listener = listen_here();
    const auto place = sdk::os::tcp_address("127.0.0.1", port_of(listener));
    to_guest(std::move(listener), to_port(port_of(server)));
    std::vector<sdk::os::UniqueFd> callers;
    std::vector<sdk::os::UniqueFd> served;
    for (std::size_t i = 0; i < many; ++i) {
        callers.push_back(connect_to(place));
        ASSERT_TRUE(callers.back()) << "caller " << i;
        served.push_back(accepted(server));
        ASSERT_TRUE(served.back()) << "caller " << i;
    }
    EXPECT_EQ(places_->taken(), many);
    for (std::size_t i = 0; i < many; ++i)
        send(callers[i], "question");
    for (std::size_t i = 0; i < many; ++i) {
        ASSERT_EQ(receive(served[i], 8), "question") << "caller " << i;
        send(served[i], "answer");
    }
    for (std::size_t i = 0; i < many; ++i)
        ASSERT_EQ(receive(callers[i], 6), "answer") << "caller " << i;
}

TEST_F(ForwardTest, ClosedItTakesNobodyAndResetsThoseWhoAreThere)
{
    const auto server = listen_here();
    const auto caller = dial_guest(to_port(port_of(server)));
    const auto served = accepted(server);
    send(caller, "x");
    ASSERT_EQ(receive(served, 1), "x");
    close();
    EXPECT_EQ(end_of(caller), End::reset);
    EXPECT_EQ(end_of(served), End::reset);
    EXPECT_TRUE(failed_.empty() && ended_.empty());
}

TEST_F(ForwardTest, EndsWithTheAgent)
{
    const auto server = listen_here();
    const auto caller = dial_guest(to_port(port_of(server)));
    const auto served = accepted(server);
    kill_agent();
    EXPECT_EQ(first_of(ended_).code, sdk::Code::unavailable);
    EXPECT_EQ(end_of(caller), End::reset);
    EXPECT_TRUE(failed_.empty()) << failed_.front().message;
}

TEST_F(ForwardTest, FromAPortOfTheGuestToThisHost)
{
    const auto server = listen_here();
    // The first address has nobody.
    const auto port = to_host({}, {{"127.0.0.9", "127.0.0.1"}, port_of(server), {}});
    ASSERT_TRUE(port) << port.error().message;
    const auto caller = connect_to(sdk::os::tcp_address("127.0.0.1", *port));
    expect_joined(caller, accepted(server));
    close();
    EXPECT_TRUE(client_->health(patience())) << "what is asked after that is answered later";
    EXPECT_FALSE(connect_to(sdk::os::tcp_address("127.0.0.1", *port)));
}

TEST_F(ForwardTest, FromASocketFileOfTheGuestWhichGoesWithIt)
{
    const auto server = sdk::os::listen_new_unix(path("host.sock"));
    ASSERT_TRUE(server);
    agent::ListenSpec from;
    from.unix_path = path("guest.sock");
    const auto listening = to_host(from, {{}, 0, path("host.sock")});
    ASSERT_TRUE(listening) << listening.error().message;
    EXPECT_EQ(*listening, 0);
    struct stat status {};
    ASSERT_EQ(::stat(from.unix_path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    {
        const auto caller = connect_to(sdk::os::unix_address(from.unix_path));
        expect_joined(caller, accepted(server->socket));
    }
    const auto again = client_->listen(from, [](std::int64_t) {}, [](const sdk::Result<void>&) {}, patience());
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, sdk::Code::exists);
    EXPECT_FALSE(again.error().hint.empty());
    close();
    EXPECT_TRUE(client_->health(patience())) << "what is asked after that is answered later";
    EXPECT_NE(::stat(from.unix_path.c_str(), &status), 0);
}

TEST_F(ForwardTest, NoFileGoesWithItButTheSocketThatItMade)
{
    std::filesystem::create_directory(path("dir"));
    std::filesystem::create_directory(path("other"));
    ASSERT_TRUE(sdk::os::write_file_atomic(path("other/guest.sock"), "not the agent's"));
    agent::ListenSpec from;
    from.unix_path = path("dir/guest.sock");
    ASSERT_TRUE(to_host(from, {{}, 0, path("host.sock")}));
    std::filesystem::rename(path("dir"), path("moved"));
    std::filesystem::create_symlink("other", path("dir"));
    close();
    EXPECT_TRUE(client_->health(patience())) << "what is asked after that is answered later";
    EXPECT_TRUE(sdk::os::exists(path("other/guest.sock"))) << "somebody who has the directory had another file removed";
    EXPECT_FALSE(sdk::os::exists(path("moved/guest.sock")));

    from.unix_path = path("guest.sock");
    ASSERT_TRUE(to_host(from, {{}, 0, path("host.sock")}));
    std::filesystem::remove(from.unix_path);
    const auto successor = sdk::os::listen_new_unix(from.unix_path);
    ASSERT_TRUE(successor) << successor.error().message;
    close();
    EXPECT_TRUE(client_->health(patience())) << "what is asked after that is answered later";
    EXPECT_TRUE(sdk::os::exists(from.unix_path));
}

TEST_F(ForwardTest, APortThatIsTakenInTheGuestIsSaidAtOnce)
{
    const auto taken = listen_here();
    agent::ListenSpec from;
    from.tcp_port = port_of(taken);
    const auto port = to_host(from, {{"127.0.0.1"}, 1, {}});
    ASSERT_FALSE(port);
    EXPECT_EQ(port.error().code, sdk::Code::busy);
    EXPECT_NE(port.error().message.find("the guest cannot listen"), std::string::npos) << port.error().message;
}

TEST_F(ForwardTest, AGuestIsResetWhereNobodyListensOnThisHost)
{
    auto server = listen_here();
    const auto number = port_of(server);
    server.reset();
    const auto port = to_host({}, {{"127.0.0.1"}, number, {}});
    ASSERT_TRUE(port);
    const auto caller = connect_to(sdk::os::tcp_address("127.0.0.1", *port));
    EXPECT_EQ(end_of(caller), End::reset);
    EXPECT_NE(first_of(failed_).message.find("on this host"), std::string::npos);
}

TEST_F(ForwardTest, AGuestThatAnnouncesWithoutEndEndsIt)
{
    const auto forward = to_nobody();
    std::vector<Places::Place> all;
    while (auto place = places_->take())
        all.push_back(std::move(place));
    on_loop([&] {
        for (std::size_t i = 1; i <= agent::most_announced; ++i)
            forward->take(static_cast<std::int64_t>(i));
    });
    EXPECT_TRUE(ended_.empty()) << "an honest agent announces so many";
    on_loop([&] { forward->take(agent::most_announced + 1); });
    ASSERT_EQ(ended_.size(), 1U);
    EXPECT_EQ(ended_.front().code, sdk::Code::internal);
    EXPECT_NE(ended_.front().message.find("more than 64"), std::string::npos) << ended_.front().message;
}

TEST_F(ForwardTest, RefusalsThatTheGuestDoesNotAnswerHaveNoMorePlacesThanOthers)
{
    places_ = std::make_shared<Places>(3);
    const auto forward = to_nobody();
    ASSERT_EQ(::kill(agent_pid(), SIGSTOP), 0);
    on_loop([&] {
        for (int i = 1; i <= 10; ++i)
            forward->take(i);
    });
    EXPECT_EQ(failed_.size(), 3U);
    EXPECT_EQ(places_->taken(), 3U);
    close();
    on_loop([] {});
    on_loop([] {});  // after whoever waited for a place has let it go
    EXPECT_EQ(places_->taken(), 0U);
}

TEST_F(ForwardTest, ATargetThatIsSilentIsGivenUp)
{
    const SilentPort silent;
    const auto port = to_host({}, {{"127.0.0.1"}, silent.number(), {}, std::chrono::milliseconds(50)});
    ASSERT_TRUE(port);
    const auto caller = connect_to(sdk::os::tcp_address("127.0.0.1", *port));
    EXPECT_EQ(end_of(caller), End::reset);
    EXPECT_EQ(first_of(failed_).code, sdk::Code::timed_out);
}

TEST_F(ForwardTest, AfterAnAddressThatIsSilentTheNextHasItsTurn)
{
    const SilentPort silent;
    const auto server = sdk::os::listen_tcp("127.0.0.9", silent.number());
    ASSERT_TRUE(server);
    const auto port = to_host({}, {{"127.0.0.1", "127.0.0.9"}, silent.number(), {}, std::chrono::milliseconds(200)});
    ASSERT_TRUE(port);
    const auto caller = connect_to(sdk::os::tcp_address("127.0.0.1", *port));
    expect_joined(caller, accepted(*server));
}

TEST_F(ForwardTest, ClosedItKeepsNoPlaceForATargetThatIsSilent)
{
    const SilentPort silent;
    ASSERT_TRUE(to_host({}, {{"127.0.0.1"}, silent.number(), {}}));
    on_loop([&] { std::static_pointer_cast<ForwardToHost>(forward_)->take(1); });
    EXPECT_EQ(places_->taken(), 1U);
    close();
    EXPECT_EQ(places_->taken(), 0U);
    EXPECT_TRUE(failed_.empty());
}

TEST_F(ForwardTest, MoreGuestsThanPlacesAreServedInTurn)
{
    places_ = std::make_shared<Places>(3);
    const auto server = listen_here();
    const auto port = to_host({}, {{"127.0.0.1"}, port_of(server), {}});
    ASSERT_TRUE(port);
    std::vector<sdk::os::UniqueFd> callers;
    constexpr int many = 150;
    for (int i = 0; i < many; ++i) {
        callers.push_back(connect_to(sdk::os::tcp_address("127.0.0.1", *port)));
        ASSERT_TRUE(callers.back()) << "caller " << i;
    }
    for (int i = 0; i < many; ++i) {
        const auto served = accepted(server);
        ASSERT_TRUE(served) << "caller " << i;
        EXPECT_LE(places_->taken(), 3U);
        send(served, "x");
        callers[static_cast<std::size_t>(i)].reset();
    }
}

}  // namespace
}  // namespace banger::forward
