// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/http_probe.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <thread>
#include <vector>

#include "banger/sdk/os/fd.hpp"

namespace banger::cli {
namespace {

/// A server for one caller, who is told this; nothing, if it is empty.
class OneAnswer {
public:
    explicit OneAnswer(std::string answer) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in place{};
        place.sin_family = AF_INET;
        place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof place;
        EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&place), size), 0);
        EXPECT_EQ(::listen(listener_.get(), 1), 0);
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&place), &size);
        port_ = ntohs(place.sin_port);
        thread_ = std::thread([this, text = std::move(answer)] {
            const sdk::os::UniqueFd caller(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            std::array<char, 4096> question{};
            ::send(caller.get(), text.data(), text.size(), MSG_NOSIGNAL);
            while (::recv(caller.get(), question.data(), question.size(), 0) > 0)
                continue;
        });
    }
    ~OneAnswer()
    {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    [[nodiscard]] std::uint16_t port() const { return port_; }

private:
    sdk::os::UniqueFd listener_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

TEST(HttpProbe, FindsThoseThatSpeakItAndWaitsForNobodyElse)
{
    const OneAnswer web("HTTP/1.1 404 Not Found\r\n\r\n");
    const OneAnswer ssh("SSH-2.0-OpenSSH_9.2p1\r\n");
    const OneAnswer silent("");
    std::uint16_t nobody = 0;
    {
        const OneAnswer gone("");
        nobody = gone.port();
    }
    EXPECT_THAT(ports_with_http("127.0.0.1", {web.port(), ssh.port(), silent.port(), nobody},
                                std::chrono::milliseconds(500)),
                ::testing::ElementsAre(web.port()));
    EXPECT_TRUE(ports_with_http("127.0.0.1", {}, std::chrono::milliseconds(500)).empty());
    EXPECT_TRUE(ports_with_http("", {web.port()}, std::chrono::milliseconds(500)).empty());
}

TEST(HttpProbe, AsksMoreThanItHasRoomForAtATime)
{
    const OneAnswer web("HTTP/1.0 200 OK\r\n\r\n");
    std::vector<std::uint16_t> many(1000, [] { return OneAnswer("").port(); }());
    many.push_back(web.port());
    EXPECT_THAT(ports_with_http("127.0.0.1", many, std::chrono::seconds(20)), ::testing::ElementsAre(web.port()));
}

}  // namespace
}  // namespace banger::cli
