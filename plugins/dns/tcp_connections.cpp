// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tcp_connections.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace banger::dns {
namespace {

constexpr std::size_t most_connections = 64;
constexpr std::chrono::seconds patience{10};
constexpr std::chrono::milliseconds breather{200};    // without descriptors, those who wait to be accepted wait on
constexpr std::size_t length_bytes = 2;               // RFC 1035, 4.2.2
constexpr std::size_t most_unsent = 256UL * 1024;     // a sender that takes no answers is not read further

}  // namespace

void TcpConnections::accept_all(int listener)
{
    for (;;) {
        sdk::os::UniqueFd socket(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
            return rest(listener);
        if (!socket)
            return;
        if (connections_.size() >= most_connections) {
            const auto quietest =
                std::min_element(connections_.begin(), connections_.end(), [](const auto& one, const auto& other) {
                    return one.second.last_heard < other.second.last_heard;
                });
            connections_.erase(quietest);
        }
        const int fd = socket.get();
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0)
            connections_.emplace(fd, Connection{std::move(socket), {}, {}, Clock::now()});
    }
}

void TcpConnections::rest(int listener)
{
    epoll_event event{};
    event.data.fd = listener;
    if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, listener, &event) == 0)
        resting_ = {listener, Clock::now() + breather};
}

/// How long a listener rests on, in milliseconds; -1: none does.
int TcpConnections::wake()
{
    if (!resting_)
        return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(resting_->until - Clock::now());
    if (left.count() > 0)
        return static_cast<int>(left.count());
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = resting_->listener;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, resting_->listener, &event);
    resting_.reset();
    return -1;
}

void TcpConnections::serve(int fd, unsigned events)
{
    const auto found = connections_.find(fd);
    if (found == connections_.end())
        return;
    Connection& connection = found->second;
    const bool alive = (events & EPOLLERR) == 0 && ((events & (EPOLLIN | EPOLLHUP)) == 0 || receive(connection));
    if (!alive || !answer_and_send(connection) || (connection.ended && connection.to_send.empty()))
        connections_.erase(found);
    else
        watch(connection);
}

int TcpConnections::expire()
{
    const auto now = Clock::now();
    std::erase_if(connections_, [&](const auto& each) { return each.second.last_heard + patience <= now; });
    const int rest = wake();
    if (connections_.empty())
        return rest;
    auto oldest = now;
    for (const auto& [fd, connection] : connections_)
        oldest = std::min(oldest, connection.last_heard);
    const int next = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(oldest + patience - now).count());
    return rest < 0 ? next : std::min(rest, next);
}

/// False if the connection is broken.
bool TcpConnections::receive(Connection& connection)
{
    std::array<char, 16384> bytes{};
    const ssize_t count = ::recv(connection.socket.get(), bytes.data(), bytes.size(), 0);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR;
    connection.ended = count == 0;
    connection.received.append(bytes.data(), static_cast<std::size_t>(count));
    if (count > 0)
        connection.last_heard = Clock::now();
    return true;
}

/// False if the connection is broken. Goes on until all is answered or nothing more can be sent: no event tells of what was
/// received before.
bool TcpConnections::answer_and_send(Connection& connection)
{
    for (;;) {
        const bool more = answer_received(connection);
        if (!send(connection))
            return false;
        if (!more || !connection.to_send.empty())
            return true;
    }
}

/// Whether questions are left for want of room.
bool TcpConnections::answer_received(Connection& connection)
{
    bool answered_all = false;
    std::string_view rest = connection.received;
    while (connection.to_send.size() < most_unsent) {
        answered_all = rest.size() < length_bytes;
        if (answered_all)
            break;
        const std::size_t length = static_cast<unsigned>(static_cast<unsigned char>(rest[0])) << 8U |
                                   static_cast<unsigned char>(rest[1]);
        answered_all = rest.size() < length_bytes + length;
        if (answered_all)
            break;
        if (const auto reply = answer_(rest.substr(length_bytes, length)); !reply.empty()) {
            connection.to_send += static_cast<char>(reply.size() >> 8U);
            connection.to_send += static_cast<char>(reply.size());
            connection.to_send += reply;
        }
        rest.remove_prefix(length_bytes + length);
    }
    connection.received.erase(0, connection.received.size() - rest.size());
    return !answered_all;
}

/// False if the connection is broken.
bool TcpConnections::send(Connection& connection)
{
    while (!connection.to_send.empty()) {
        const ssize_t count =
            ::send(connection.socket.get(), connection.to_send.data(), connection.to_send.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno == EAGAIN;
        connection.to_send.erase(0, static_cast<std::size_t>(count));
    }
    return true;
}

void TcpConnections::watch(const Connection& connection) const
{
    epoll_event event{};
    event.data.fd = connection.socket.get();
    if (!connection.to_send.empty())
        event.events |= EPOLLOUT;
    if (!connection.ended && connection.to_send.size() < most_unsent)
        event.events |= EPOLLIN;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.socket.get(), &event);
}

}  // namespace banger::dns
