// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "banger/sdk/os/fd.hpp"

namespace banger::dns {

/// DNS over TCP (RFC 7766): each packet behind its length in 16 bits; many questions on one connection, answered in order.
/// On the server's thread. Connections are bounded in number, in time and in what waits on them.
class TcpConnections {
public:
    using Clock = std::chrono::steady_clock;
    /// Its answer is there until the next one.
    using Answer = std::function<std::string_view(std::string_view packet)>;

    /// Descriptors are watched in `epoll`, level-triggered, with themselves as data.
    TcpConnections(int epoll, Answer answer) : epoll_(epoll), answer_(std::move(answer)) {}

    void accept_all(int listener);
    /// Something happened to a descriptor; one that is no connection's is ignored.
    void serve(int fd, unsigned events);
    /// Ends those that nothing came from for too long, and lets a listener be heard again that was out of descriptors; how
    /// long until there is more to do of that, in milliseconds; -1: none.
    int expire();

private:
    struct Connection {
        sdk::os::UniqueFd socket;
        std::string received;
        std::string to_send;
        Clock::time_point last_heard;
        bool ended = false;  ///< its sender says no more
    };

    struct Rest {
        int listener = -1;
        Clock::time_point until;
    };

    void rest(int listener);
    int wake();
    bool receive(Connection& connection);
    bool answer_received(Connection& connection);
    bool answer_and_send(Connection& connection);
    static bool send(Connection& connection);
    void watch(const Connection& connection) const;

    int epoll_;
    Answer answer_;
    std::map<int, Connection> connections_;
    std::optional<Rest> resting_;
};

}  // namespace banger::dns
