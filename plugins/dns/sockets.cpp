// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cerrno>

namespace banger::dns {
namespace {

constexpr unsigned ports_to_try = 64;
constexpr int backlog = 128;

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

SocketAddress socket_address(const Endpoint& endpoint)
{
    SocketAddress address;
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    if (::inet_pton(AF_INET, endpoint.address.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(endpoint.port);
        address.size = sizeof *v4;
        return address;
    }
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    if (::inet_pton(AF_INET6, endpoint.address.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(endpoint.port);
        address.size = sizeof *v6;
    }
    return address;
}

bool stands_for_all(const SocketAddress& address)
{
    if (address.storage.ss_family == AF_INET)
        return reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr.s_addr == INADDR_ANY;
    return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr);
}

sdk::Result<sdk::os::UniqueFd> bound(const Endpoint& endpoint, int type)
{
    const auto address = socket_address(endpoint);
    const int on = 1;
    sdk::os::UniqueFd fd(::socket(address.storage.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // Of UDP that would share the port with another server; of TCP it only passes over connections that ended.
    const bool reuses = type == SOCK_STREAM;
    if (!fd || (reuses && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) ||
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0 ||
        (type == SOCK_STREAM && ::listen(fd.get(), backlog) != 0))
        return sdk::os_error("take questions on " + endpoint.text());
    return fd;
}

}  // namespace

std::optional<Endpoint> Endpoint::parse(const std::string& address, std::uint16_t port)
{
    Endpoint endpoint{address, port};
    const auto bytes = socket_address(endpoint);
    return bytes.size == 0 || stands_for_all(bytes) ? std::nullopt : std::optional(std::move(endpoint));
}

std::string Endpoint::text() const
{
    const bool v6 = address.find(':') != std::string::npos;
    return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

sdk::Result<Sockets> open_sockets(const Endpoint& wanted)
{
    for (unsigned step = 0; step < ports_to_try && wanted.port + step <= UINT16_MAX; ++step) {
        const Endpoint endpoint{wanted.address, static_cast<std::uint16_t>(wanted.port + step)};
        auto datagrams = bound(endpoint, SOCK_DGRAM);
        auto listener = datagrams ? bound(endpoint, SOCK_STREAM) : std::move(datagrams).error();
        if (listener)
            return Sockets{std::move(*datagrams), std::move(*listener), endpoint};
        if (listener.error().code != sdk::Code::busy)
            return std::move(listener).error();
    }
    return sdk::make_error(sdk::Code::busy,
                           "no port from " + std::to_string(wanted.port) + " on is free on " + wanted.address,
                           "name another with `banger config set plugin.dns.port PORT`");
}

}  // namespace banger::dns
