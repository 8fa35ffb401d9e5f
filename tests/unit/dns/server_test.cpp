// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <thread>

#include "questions.hpp"

namespace banger::dns {
namespace {

using namespace testing;

/// Of the whole process.
std::chrono::nanoseconds processor_time()
{
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

class ServerTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        ASSERT_TRUE(zone.publish({"web.vm", {"127.86.0.1"}}));
        auto sockets = open_sockets({"127.0.0.1", 42500});
        ASSERT_TRUE(sockets) << sockets.error().message;
        auto started = Server::start(zone, std::move(*sockets));
        ASSERT_TRUE(started) << started.error().message;
        server = std::move(*started);
    }

    [[nodiscard]] sdk::os::UniqueFd connected(int type) const
    {
        sdk::os::UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
        join(fd.get());
        return fd;
    }
    void join(int fd) const
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(server->endpoint().port);
        EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        const timeval patience{5, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    static std::string receive(int fd, std::size_t most = 4096)
    {
        std::string bytes(most, '\0');
        const auto got = ::recv(fd, bytes.data(), bytes.size(), 0);
        bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return bytes;
    }
    static void send(int fd, const std::string& bytes)
    {
        ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }
    static std::string with_length(const std::string& packet) { return u16(static_cast<unsigned>(packet.size())) + packet; }

    Zone zone{"vm"};
    std::unique_ptr<Server> server;
};

TEST_F(ServerTest, ATakenPortIsPassedOver)
{
    auto next = open_sockets(server->endpoint());
    ASSERT_TRUE(next) << next.error().message;
    EXPECT_GT(next->endpoint.port, server->endpoint().port);
}

TEST_F(ServerTest, ScrapsAreNotAnsweredAndStopNobody)
{
    const auto fd = connected(SOCK_DGRAM);
    for (const auto& scrap : {std::string(), std::string("x"), std::string(4000, '\xc0'), std::string(9000, 'y')})
        send(fd.get(), scrap);
    send(fd.get(), question("web.vm", type_a));
    std::string last;
    do
        last = receive(fd.get());
    while (!last.empty() && header_of(last).id != 0x4242U);
    ASSERT_FALSE(last.empty());
    EXPECT_EQ(header_of(last).answers, 1U);
}

TEST_F(ServerTest, AQuestionMayComeByteByByteAndManyInOnePiece)
{
    const auto fd = connected(SOCK_STREAM);
    for (const char byte : with_length(question("web.vm", type_a)))
        send(fd.get(), std::string(1, byte));
    const auto first = receive(fd.get());
    ASSERT_GT(first.size(), 2U);
    EXPECT_EQ(header_of(first.substr(2)).answers, 1U);

    constexpr std::size_t count = 2000;
    std::string all;
    for (std::size_t i = 0; i < count; ++i)
        all += with_length(question("web.vm", type_a));
    send(fd.get(), all);
    ::shutdown(fd.get(), SHUT_WR);
    std::size_t got = 0;
    for (std::string piece = receive(fd.get(), 65536); !piece.empty(); piece = receive(fd.get(), 65536))
        got += piece.size();
    EXPECT_EQ(got, count * first.size());
}

TEST_F(ServerTest, SilentConnectionsMakeRoomForOthers)
{
    std::vector<sdk::os::UniqueFd> silent;
    for (int i = 0; i < 100; ++i)
        silent.push_back(connected(SOCK_STREAM));
    const auto fd = connected(SOCK_STREAM);
    send(fd.get(), with_length(question("web.vm", type_a)));
    EXPECT_FALSE(receive(fd.get()).empty());
    char byte = 0;
    const auto got = ::recv(silent.front().get(), &byte, 1, 0);  // the first is the one that went
    EXPECT_TRUE(got == 0 || (got < 0 && errno == ECONNRESET)) << "it is still there";
}

// Connections that cannot be accepted are ready to be all the time.
TEST_F(ServerTest, WithoutDescriptorsItRestsAndThenGoesOn)
{
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const auto waiting = connected(SOCK_STREAM);
    send(waiting.get(), with_length(question("web.vm", type_a)));
    ASSERT_FALSE(receive(waiting.get()).empty());
    const sdk::os::UniqueFd next(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    rlimit none = before;
    none.rlim_cur = 0;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    join(next.get());
    send(next.get(), with_length(question("web.vm", type_a)));
    const auto used = processor_time();
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    EXPECT_LT(processor_time() - used, std::chrono::milliseconds(200)) << "it spins";
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_FALSE(receive(next.get()).empty());
}

}  // namespace
}  // namespace banger::dns
