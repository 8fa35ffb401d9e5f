// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "banger/sdk/os/socket.hpp"

/// Both ends of connections on this host, with waiting that ends.
namespace banger::forward {

inline constexpr std::chrono::seconds patience{20};

inline void bound_waiting(const sdk::os::UniqueFd& socket)
{
    const timeval time{patience.count(), 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

/// On 127.0.0.1; port 0: one that is free.
inline sdk::os::UniqueFd listen_here(std::uint16_t port = 0)
{
    auto socket = sdk::os::listen_tcp("127.0.0.1", port);
    EXPECT_TRUE(socket) << socket.error().message;
    return std::move(*socket);
}

/// The next connection; nothing if none comes.
inline sdk::os::UniqueFd accepted(const sdk::os::UniqueFd& listener)
{
    pollfd watch{listener.get(), POLLIN, 0};
    ::poll(&watch, 1, std::chrono::milliseconds(patience).count());
    sdk::os::UniqueFd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    bound_waiting(connection);
    return connection;
}

/// Nothing if nobody listens there.
inline sdk::os::UniqueFd connect_to(const sdk::Result<sdk::os::SocketAddress>& place)
{
    EXPECT_TRUE(place);
    sdk::os::UniqueFd socket(::socket(place->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.get(), place->get(), place->size) != 0)
        return {};
    bound_waiting(socket);
    return socket;
}

/// A port of 127.0.0.1 that answers nobody: as many wait there as may, and the kernel drops what comes (listen(2)).
class SilentPort {
public:
    SilentPort() : listener_(listen_here())
    {
        EXPECT_EQ(::listen(listener_.get(), 0), 0);
        const auto place = sdk::os::tcp_address("127.0.0.1", number());
        for (;;) {
            waiting_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            (void)::connect(waiting_.back().get(), place->get(), place->size);
            pollfd connected{waiting_.back().get(), POLLOUT, 0};
            if (::poll(&connected, 1, 100) == 0)
                return;
        }
    }
    [[nodiscard]] std::uint16_t number() const { return sdk::os::port_of(listener_.get()); }

private:
    sdk::os::UniqueFd listener_;
    std::vector<sdk::os::UniqueFd> waiting_;
};

inline std::string receive(const sdk::os::UniqueFd& socket, std::size_t count)
{
    std::string bytes(count, '\0');
    const auto got = ::recv(socket.get(), bytes.data(), count, MSG_WAITALL);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
}

inline void send(const sdk::os::UniqueFd& socket, const std::string& bytes)
{
    ASSERT_EQ(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

/// What recv(2) says when there is nothing more to be had; a time-out is none of these.
enum class End { none, regular, reset };

inline End end_of(const sdk::os::UniqueFd& socket)
{
    char byte = 0;
    const auto got = ::recv(socket.get(), &byte, 1, 0);
    if (got == 0)
        return End::regular;
    return got < 0 && errno == ECONNRESET ? End::reset : End::none;
}

/// Its end is one in the middle (socket(7), SO_LINGER).
inline void reset(sdk::os::UniqueFd socket)
{
    const linger at_once{1, 0};
    EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
}

}  // namespace banger::forward
