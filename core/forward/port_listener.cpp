// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/port_listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

namespace banger::forward {
namespace {

constexpr int backlog = 4096;  // as much as the host lets it be (listen(2))
/// A daemon without descriptors lets those wait who wait already.
constexpr std::chrono::milliseconds breather{200};

}  // namespace

std::shared_ptr<PortListener> PortListener::start(boost::asio::io_context& loop, sdk::os::UniqueFd socket,
                                                  OnConnection on_connection)
{
    std::shared_ptr<PortListener> listener(new PortListener(loop, std::move(socket), std::move(on_connection)));
    listener->await_connections();
    return listener;
}

PortListener::PortListener(boost::asio::io_context& loop, sdk::os::UniqueFd socket, OnConnection on_connection)
    : socket_(loop, socket.release()), pause_(loop), on_connection_(std::move(on_connection))
{
}

void PortListener::close()
{
    boost::system::error_code ignored;
    socket_.close(ignored);
    pause_.cancel();
}

void PortListener::await_connections()
{
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       [weak = weak_from_this()](const boost::system::error_code& error) {
                           if (const auto self = weak.lock(); self && !error)
                               self->accept_all();
                       });
}

void PortListener::accept_all()
{
    while (socket_.is_open()) {
        sdk::os::UniqueFd connection(::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC));
        if (connection) {
            const int on = 1;
            ::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            on_connection_(std::move(connection));
            continue;
        }
        if (errno == EAGAIN)
            return await_connections();
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            break;
        // The others are of a connection that is gone again (accept(2)).
    }
    if (!socket_.is_open())
        return;
    pause_.expires_after(breather);
    pause_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        if (const auto self = weak.lock(); self && !error)
            self->accept_all();
    });
}

sdk::Result<sdk::os::UniqueFd> listen_tcp(const std::string& address, std::uint16_t port)
{
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(port);
    const std::string where = address + ":" + std::to_string(port);
    if (::inet_pton(AF_INET, address.c_str(), &place.sin_addr) != 1)
        return sdk::make_error(sdk::Code::invalid, "'" + address + "' is no IPv4 address");
    sdk::os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0 ||
        ::listen(socket.get(), backlog) != 0)
        return sdk::os_error("listen on " + where);
    return socket;
}

}  // namespace banger::forward
