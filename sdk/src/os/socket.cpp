// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/socket.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

namespace banger::sdk::os {
namespace {

constexpr int backlog = 4096;  // as much as the host lets it be (listen(2))

template <typename Address>
SocketAddress stored(const Address& address)
{
    SocketAddress result;
    std::memcpy(&result.storage, &address, sizeof address);
    result.size = sizeof address;
    return result;
}

bool read_zone(std::string_view text, std::uint32_t& zone)
{
    const auto read = std::from_chars(text.data(), text.data() + text.size(), zone);
    return read.ec == std::errc() && read.ptr == text.data() + text.size() && zone != 0;
}

std::string name_of(const std::string& address, std::uint16_t port)
{
    const bool v6 = address.find(':') != std::string::npos;
    return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

}  // namespace

Result<SocketAddress> tcp_address(const std::string& address, std::uint16_t port)
{
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1)
        return stored(v4);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    const auto zone = address.find('%');
    if (::inet_pton(AF_INET6, address.substr(0, zone).c_str(), &v6.sin6_addr) == 1 &&
        (zone == std::string::npos || read_zone(std::string_view(address).substr(zone + 1), v6.sin6_scope_id)))
        return stored(v6);
    return make_error(Code::invalid, "'" + address + "' is no IP address");
}

Result<SocketAddress> unix_address(const std::string& path)
{
    sockaddr_un place{};
    place.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof place.sun_path)
        return make_error(Code::invalid, "'" + path + "' is not a usable socket path");
    path.copy(place.sun_path, sizeof place.sun_path - 1);
    return stored(place);
}

Result<UniqueFd> listen_tcp(const std::string& address, std::uint16_t port)
{
    const auto place = tcp_address(address, port);
    if (!place)
        return place.error();
    UniqueFd socket(::socket(place->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(socket.get(), place->get(), place->size) != 0 || ::listen(socket.get(), backlog) != 0)
        return os_error("listen on " + name_of(address, port));
    return socket;
}

SocketFile::SocketFile(UniqueFd directory, std::string name) : directory_(std::move(directory)), name_(std::move(name))
{
    struct stat status {};
    if (::fstatat(directory_.get(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    device_ = status.st_dev;
    inode_ = status.st_ino;
}

SocketFile::~SocketFile()
{
    struct stat status {};
    if (inode_ != 0 && directory_ && ::fstatat(directory_.get(), name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_dev == device_ && status.st_ino == inode_)
        ::unlinkat(directory_.get(), name_.c_str(), 0);
}

std::uint16_t port_of(int socket)
{
    SocketAddress place;
    place.size = sizeof place.storage;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&place.storage), &place.size) != 0 ||
        (place.family() != AF_INET && place.family() != AF_INET6))
        return 0;
    sockaddr_in6 tcp{};
    std::memcpy(&tcp, &place.storage, sizeof tcp);
    return ntohs(tcp.sin6_port);  // where IPv4 has its own as well (ip(7), ipv6(7))
}

}  // namespace banger::sdk::os
