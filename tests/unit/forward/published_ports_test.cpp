// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/published_ports.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>

#include "banger/sdk/os/process.hpp"
#include "core/forward/loopback_addresses.hpp"
#include "serving_agent.hpp"
#include "tests/unit/forward/connections.hpp"
#include "tests/unit/forward/own_network.hpp"

namespace banger::forward {
namespace {

/// The agent runs on this host, so what it calls its ports are the test's own sockets on 127.0.0.1; they are published on
/// another loopback address.
class PublishedPortsTest : public guest::ServingAgent {
protected:
    PublishedPortsTest() : ports_(loop_, places_), client_(connect())
    {
        address_ = *addresses_.claim("vm");
        EXPECT_TRUE(client_->wait_connected(patience()));
        ports_.on_lost([this](const std::string&) {
            const std::lock_guard lock(mutex_);
            lost_ = true;
            changed_.notify_all();
        });
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
        return connect_to(sdk::os::tcp_address(address_, port));
    }
    /// A listener of the guest's, which is published.
    sdk::os::UniqueFd published_listener()
    {
        auto listener = listen_here();
        ports_.publish("vm", address_, client_);
        EXPECT_TRUE(wait_until_published(port_of(listener)));
        return listener;
    }
    /// Both ends of a connection through it.
    struct Pair {
        sdk::os::UniqueFd caller;
        sdk::os::UniqueFd served;
    };
    [[nodiscard]] Pair connection_to(const sdk::os::UniqueFd& listener) const
    {
        Pair pair;
        pair.caller = dial(port_of(listener));
        EXPECT_TRUE(pair.caller);
        pair.served = accepted(listener);
        EXPECT_TRUE(pair.served);
        return pair;
    }
    static std::uint16_t port_of(const sdk::os::UniqueFd& socket) { return sdk::os::port_of(socket.get()); }

    static constexpr std::size_t most_connections = 200;
    std::shared_ptr<GuestPlaces> places_ = std::make_shared<GuestPlaces>(most_connections, most_connections);
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
    const auto before = published_listener();
    auto later = listen_here();
    const auto number = port_of(later);
    ASSERT_TRUE(wait_until_published(number));
    EXPECT_EQ(ports_.ports_of("vm").at(number).host_port, number);

    const auto [caller, served] = connection_to(later);
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
    const auto listener = published_listener();
    const auto [caller, served] = connection_to(listener);
    send(caller, "all of it");
    ::shutdown(caller.get(), SHUT_WR);
    EXPECT_EQ(receive(served, 9), "all of it");
    EXPECT_EQ(end_of(served), End::regular);
    send(served, "the answer to all of it");
    ::shutdown(served.get(), SHUT_WR);
    EXPECT_EQ(receive(caller, 23), "the answer to all of it");
    EXPECT_EQ(end_of(caller), End::regular);
}

TEST_F(PublishedPortsTest, AServerThatSaysNothingMoreStillGetsAllThatIsSent)
{
    const auto listener = published_listener();
    const auto [caller, served] = connection_to(listener);
    ::shutdown(served.get(), SHUT_WR);
    EXPECT_EQ(end_of(caller), End::regular);
    // More than the sockets on the way hold.
    const std::string much(12UL << 20U, 'x');
    std::thread sender([&, &from = caller] {
        send(from, much);
        ::shutdown(from.get(), SHUT_WR);
    });
    std::size_t got = 0;
    for (std::string bytes = receive(served, 1U << 20U); !bytes.empty(); bytes = receive(served, 1U << 20U))
        got += bytes.size();
    sender.join();
    EXPECT_EQ(got, much.size());
    EXPECT_EQ(end_of(served), End::regular);
}

TEST_F(PublishedPortsTest, WhatOneSideResetsIsResetAtTheOther)
{
    const auto listener = published_listener();
    auto by_guest = connection_to(listener);
    send(by_guest.caller, "x");
    ASSERT_EQ(receive(by_guest.served, 1), "x");
    reset(std::move(by_guest.served));
    EXPECT_EQ(end_of(by_guest.caller), End::reset);

    auto by_caller = connection_to(listener);
    send(by_caller.caller, "x");
    ASSERT_EQ(receive(by_caller.served, 1), "x");
    reset(std::move(by_caller.caller));
    EXPECT_EQ(end_of(by_caller.served), End::reset);
}

TEST_F(PublishedPortsTest, ConnectionsOfASessionThatIsLostAreReset)
{
    const auto listener = published_listener();
    const auto [caller, served] = connection_to(listener);
    send(caller, "x");
    ASSERT_EQ(receive(served, 1), "x");
    client_.reset();
    EXPECT_EQ(end_of(served), End::reset);
    EXPECT_EQ(end_of(caller), End::reset);
}

TEST_F(PublishedPortsTest, MuchGoesThroughWithOneSideSlow)
{
    const auto listener = published_listener();
    const auto [caller, served] = connection_to(listener);
    const std::string piece(1U << 20U, 'x');
    constexpr int pieces = 24;
    std::thread sender([&, &from = caller] {
        for (int i = 0; i < pieces; ++i)
            send(from, piece);
        ::shutdown(from.get(), SHUT_WR);
    });
    // Somebody else's connection is not held up by one whose other end hangs.
    const auto second = connection_to(listener);
    send(second.caller, "hello");
    EXPECT_EQ(receive(second.served, 5), "hello");
    std::size_t got = 0;
    for (std::string bytes = receive(served, piece.size()); !bytes.empty(); bytes = receive(served, piece.size()))
        got += bytes.size();
    sender.join();
    EXPECT_EQ(got, pieces * piece.size());
}

TEST_F(PublishedPortsTest, BeyondTheMostConnectionsWaitForOneToEnd)
{
    const auto listener = published_listener();
    std::vector<Pair> all;
    for (std::size_t i = 0; i < most_connections; ++i) {
        all.push_back(connection_to(listener));
        send(all.back().caller, "x");
    }
    for (const auto& pair : all)
        EXPECT_EQ(receive(pair.served, 1), "x");
    EXPECT_EQ(places_->of("vm")->taken(), most_connections);
    // It stands, in the kernel, and nobody has turned it away.
    const auto waiting = dial(port_of(listener));
    ASSERT_TRUE(waiting);
    send(waiting, "y");
    pollfd watch{listener.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&watch, 1, 0), 0);
    all.erase(all.begin());
    const auto served = accepted(listener);
    ASSERT_TRUE(served);
    EXPECT_EQ(receive(served, 1), "y");
}

TEST_F(PublishedPortsTest, AServerOnAnAddressOfOneLinkIsReached)
{
    sdk::os::Command give;
    give.argv = {"ip", "address", "replace", "fe80::5/64", "dev", "lo", "nodad"};
    if (!has_own_network() || !sdk::os::run_checked(give))
        GTEST_SKIP() << "no address of a link can be made here";
    // The kernel makes the route that goes with it behind the answer (addrconf_dad_work() of net/ipv6/addrconf.c), and until
    // then whoever connects is told that the network is unreachable.
    sdk::os::Command lead;
    lead.argv = {"ip", "-6", "route", "replace", "local", "fe80::5", "dev", "lo", "table", "local"};
    const auto led = sdk::os::run_checked(lead);
    ASSERT_TRUE(led) << led.error().message;
    const auto listener = sdk::os::listen_tcp("fe80::5%1", 0);  // loopback is the first interface of each network
    ASSERT_TRUE(listener) << listener.error().message;
    ports_.publish("vm", address_, client_);
    ASSERT_TRUE(wait_until_published(port_of(*listener)));
    const auto [caller, served] = connection_to(*listener);
    send(caller, "question");
    EXPECT_EQ(receive(served, 8), "question");
}

TEST_F(PublishedPortsTest, ATakenPortGoesElsewhereAndSaysWhy)
{
    const auto listener = listen_here(23579);
    const auto in_the_way = sdk::os::listen_tcp(address_, 23579);
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
    const auto listener = published_listener();
    EXPECT_EQ(client_->open_streams(), 0U);
    kill_agent();
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, forward::patience, [this] { return lost_; }));
    EXPECT_TRUE(ports_.ports_of("vm").empty());
    EXPECT_FALSE(dial(port_of(listener)));
}

TEST_F(PublishedPortsTest, WithdrawnPortsAreGone)
{
    const auto listener = published_listener();
    ports_.withdraw("vm");
    ports_.withdraw("vm");
    EXPECT_TRUE(wait_until_gone(port_of(listener)));
    EXPECT_FALSE(dial(port_of(listener)));
}

TEST_F(PublishedPortsTest, ListenersNameTheirProcess)
{
    const auto listener = listen_here();
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
    const auto one = listen_here();
    const auto two = listen_here();
    const auto all = client_->listeners(guest::ServingAgent::patience(), 1);
    ASSERT_FALSE(all);
    EXPECT_EQ(all.error().code, sdk::Code::internal);
}

}  // namespace
}  // namespace banger::forward
