// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/published_ports.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <future>
#include <mutex>

#include "core/forward/loopback_addresses.hpp"
#include "serving_agent.hpp"

namespace banger::forward {
namespace {

constexpr std::chrono::seconds patience{10};

sockaddr_in place_of(const std::string& address, std::uint16_t port)
{
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(port);
    ::inet_pton(AF_INET, address.c_str(), &place.sin_addr);
    return place;
}

std::uint16_t port_of(const sdk::os::UniqueFd& socket)
{
    sockaddr_in place{};
    socklen_t size = sizeof place;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&place), &size);
    return ntohs(place.sin_port);
}

sdk::os::UniqueFd accepted(const sdk::os::UniqueFd& listener)
{
    pollfd watch{listener.get(), POLLIN, 0};
    ::poll(&watch, 1, std::chrono::milliseconds(patience).count());
    return sdk::os::UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

void bound_waiting(int fd)
{
    const timeval time{patience.count(), 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

std::string receive(const sdk::os::UniqueFd& socket, std::size_t count)
{
    std::string bytes(count, '\0');
    const auto got = ::recv(socket.get(), bytes.data(), count, MSG_WAITALL);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
}

/// What recv(2) says when there is nothing more to be had; a time-out is none of these.
enum class End { none, regular, reset };

End end_of(const sdk::os::UniqueFd& socket)
{
    char byte = 0;
    const auto got = ::recv(socket.get(), &byte, 1, 0);
    if (got == 0)
        return End::regular;
    return got < 0 && errno == ECONNRESET ? End::reset : End::none;
}

void send(const sdk::os::UniqueFd& socket, const std::string& bytes)
{
    ASSERT_EQ(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

/// The agent runs on this host, so what it calls its ports are the test's own sockets on 127.0.0.1; they are published on
/// another loopback address.
class PublishedPortsTest : public guest::ServingAgent {
protected:
    PublishedPortsTest() : ports_(loop_), client_(connect())
    {
        address_ = *addresses_.claim("vm");
        EXPECT_TRUE(client_->wait_connected(patience()));
        ports_.on_lost([this](const std::string&) {
            const std::lock_guard lock(mutex_);
            lost_ = true;
            changed_.notify_all();
        });
    }

    static sdk::os::UniqueFd listen(std::uint16_t port = 0)
    {
        auto socket = listen_tcp("127.0.0.1", port);
        EXPECT_TRUE(socket) << socket.error().message;
        return std::move(*socket);
    }
    /// Until the port is where it is to be.
    template <typename Holds>
    bool wait_for(std::uint16_t port, Holds holds)
    {
        const auto deadline = std::chrono::steady_clock::now() + forward::patience;
        while (std::chrono::steady_clock::now() < deadline) {
            const auto all = ports_.ports_of("vm");
            const auto known = all.find(port);
            if (holds(known == all.end() ? nullptr : &known->second))
                return true;
            std::this_thread::yield();
        }
        return false;
    }
    bool wait_until_published(std::uint16_t port)
    {
        return wait_for(port, [](const PublishedPort* published) { return published != nullptr; });
    }
    bool wait_until_gone(std::uint16_t port)
    {
        return wait_for(port, [](const PublishedPort* published) { return published == nullptr; });
    }
    [[nodiscard]] sdk::os::UniqueFd dial(std::uint16_t port) const
    {
        sdk::os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto place = place_of(address_, port);
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0)
            return {};
        bound_waiting(socket.get());
        return socket;
    }

    LoopbackAddresses addresses_{*base::LoopbackRange::parse("127.89.0.0/16"), "0123abcd"};
    std::string address_;
    PublishedPorts ports_;
    std::shared_ptr<guest::AgentClient> client_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool lost_ = false;
};

TEST_F(PublishedPortsTest, APortAppearsCarriesBytesAndGoes)
{
    auto before = listen();
    ports_.publish("vm", address_, client_);
    ASSERT_TRUE(wait_until_published(port_of(before)));
    auto later = listen();
    const auto number = port_of(later);
    ASSERT_TRUE(wait_until_published(number));
    EXPECT_EQ(ports_.ports_of("vm").at(number).host_port, number);

    const auto caller = dial(number);
    ASSERT_TRUE(caller);
    const auto served = accepted(later);
    ASSERT_TRUE(served);
    bound_waiting(served.get());
    send(caller, "question");
    EXPECT_EQ(receive(served, 8), "question");
    send(served, "answer");
    EXPECT_EQ(receive(caller, 6), "answer");

    later.reset();
    ASSERT_TRUE(wait_until_gone(number));
    EXPECT_FALSE(dial(number));
    // What stands goes on.
    send(caller, "more");
    EXPECT_EQ(receive(served, 4), "more");
    EXPECT_TRUE(dial(port_of(before)));
}

TEST_F(PublishedPortsTest, OneHalfIsClosedAndTheOtherGoesOn)
{
    auto listener = listen();
    ports_.publish("vm", address_, client_);
    ASSERT_TRUE(wait_until_published(port_of(listener)));
    const auto caller = dial(port_of(listener));
    const auto served = accepted(listener);
    ASSERT_TRUE(served);
    bound_waiting(served.get());
    send(caller, "all of it");
    ::shutdown(caller.get(), SHUT_WR);
    bound_waiting(served.get());
    EXPECT_EQ(receive(served, 9), "all of it");
    EXPECT_EQ(end_of(served), End::regular);
    send(served, "the answer to all of it");
    ::shutdown(served.get(), SHUT_WR);
    EXPECT_EQ(receive(caller, 23), "the answer to all of it");
    EXPECT_EQ(end_of(caller), End::regular);
}

TEST_F(PublishedPortsTest, WhatAGuestResetsIsResetHere)
{
    auto listener = listen();
    ports_.publish("vm", address_, client_);
    ASSERT_TRUE(wait_until_published(port_of(listener)));
    const auto caller = dial(port_of(listener));
    {
        const auto served = accepted(listener);
        ASSERT_TRUE(served);
        bound_waiting(served.get());
        send(caller, "x");
        ASSERT_EQ(receive(served, 1), "x");
        const linger at_once{1, 0};
        ASSERT_EQ(::setsockopt(served.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    }
    EXPECT_EQ(end_of(caller), End::reset);
}

TEST_F(PublishedPortsTest, MuchGoesThroughWithOneSideSlow)
{
    auto listener = listen();
    ports_.publish("vm", address_, client_);
    ASSERT_TRUE(wait_until_published(port_of(listener)));
    const auto caller = dial(port_of(listener));
    const auto served = accepted(listener);
    bound_waiting(served.get());
    const std::string piece(1U << 20U, 'x');
    constexpr int pieces = 24;
    std::thread sender([&] {
        for (int i = 0; i < pieces; ++i)
            send(caller, piece);
        ::shutdown(caller.get(), SHUT_WR);
    });
    // Somebody else's connection is not held up by one whose other end hangs.
    const auto second = dial(port_of(listener));
    const auto second_served = accepted(listener);
    bound_waiting(second_served.get());
    send(second, "hello");
    EXPECT_EQ(receive(second_served, 5), "hello");
    std::size_t got = 0;
    for (std::string bytes = receive(served, piece.size()); !bytes.empty(); bytes = receive(served, piece.size()))
        got += bytes.size();
    sender.join();
    EXPECT_EQ(got, pieces * piece.size());
}

TEST_F(PublishedPortsTest, ManyConnectionsAtOnce)
{
    auto listener = listen();
    ports_.publish("vm", address_, client_);
    ASSERT_TRUE(wait_until_published(port_of(listener)));
    std::vector<sdk::os::UniqueFd> callers;
    std::vector<sdk::os::UniqueFd> served;
    constexpr int count = 200;
    for (int i = 0; i < count; ++i) {
        callers.push_back(dial(port_of(listener)));
        ASSERT_TRUE(callers.back());
        send(callers.back(), "x");
    }
    for (int i = 0; i < count; ++i) {
        served.push_back(accepted(listener));
        ASSERT_TRUE(served.back());
        bound_waiting(served.back().get());
        EXPECT_EQ(receive(served.back(), 1), "x");
    }
}

TEST_F(PublishedPortsTest, ATakenPortGoesElsewhereAndSaysWhy)
{
    auto listener = listen_tcp("127.0.0.1", 23579);
    ASSERT_TRUE(listener) << listener.error().message;
    const auto in_the_way = listen_tcp(address_, 23579);
    ASSERT_TRUE(in_the_way) << in_the_way.error().message;
    ports_.publish("vm", address_, client_);
    ASSERT_TRUE(wait_until_published(23579));
    const auto published = ports_.ports_of("vm").at(23579);
    EXPECT_EQ(published.host_port, 33579);
    EXPECT_FALSE(published.problem.empty());
    EXPECT_TRUE(dial(33579));
}

TEST_F(PublishedPortsTest, PortsGoWithTheAgentAndAreNotStreamsOfAnybody)
{
    auto listener = listen();
    ports_.publish("vm", address_, client_);
    ASSERT_TRUE(wait_until_published(port_of(listener)));
    EXPECT_EQ(client_->open_streams(), 0U);
    kill_agent();
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, forward::patience, [this] { return lost_; }));
    EXPECT_TRUE(ports_.ports_of("vm").empty());
    EXPECT_FALSE(dial(port_of(listener)));
}

TEST_F(PublishedPortsTest, WithdrawnPortsAreGone)
{
    auto listener = listen();
    ports_.publish("vm", address_, client_);
    ASSERT_TRUE(wait_until_published(port_of(listener)));
    ports_.withdraw("vm");
    ports_.withdraw("vm");
    EXPECT_TRUE(wait_until_gone(port_of(listener)));
    EXPECT_FALSE(dial(port_of(listener)));
}

TEST_F(PublishedPortsTest, ListenersNameTheirProcess)
{
    const auto listener = listen();
    const auto all = client_->listeners(guest::ServingAgent::patience());
    ASSERT_TRUE(all) << all.error().message;
    bool found = false;
    for (const auto& each : *all)
        if (each.port == port_of(listener)) {
            found = true;
            EXPECT_EQ(each.address, "127.0.0.1");
            EXPECT_EQ(each.pid, ::getpid());
            EXPECT_EQ(each.process, "forward_test");
        }
    EXPECT_TRUE(found);
}

TEST_F(PublishedPortsTest, FollowingTheListenersCanBeEnded)
{
    std::promise<sdk::Result<void>> ended;
    const auto stop = client_->follow_listeners([](const agent::ListenersChange&) {},
                                                [&](sdk::Result<void> how) { ended.set_value(std::move(how)); });
    stop();
    auto how = ended.get_future();
    ASSERT_EQ(how.wait_for(forward::patience), std::future_status::ready);
    EXPECT_EQ(how.get().error().code, sdk::Code::cancelled);
}

TEST_F(PublishedPortsTest, AnAnswerWithTooManyListenersIsRefused)
{
    const auto one = listen();
    const auto two = listen();
    const auto all = client_->listeners(guest::ServingAgent::patience(), 1);
    ASSERT_FALSE(all);
    EXPECT_EQ(all.error().code, sdk::Code::internal);
}

}  // namespace
}  // namespace banger::forward
