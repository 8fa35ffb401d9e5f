// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/port_listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

namespace banger::forward {
namespace {

/// A daemon without descriptors lets those wait who wait already.
constexpr std::chrono::milliseconds breather{200};

}  // namespace

std::shared_ptr<PortListener> PortListener::start(boost::asio::io_context& loop, sdk::os::UniqueFd socket,
                                                  std::shared_ptr<Places> places, OnConnection on_connection)
{
    std::shared_ptr<PortListener> listener(
        new PortListener(loop, std::move(socket), std::move(places), std::move(on_connection)));
    listener->await_connections();
    return listener;
}

PortListener::PortListener(boost::asio::io_context& loop, sdk::os::UniqueFd socket, std::shared_ptr<Places> places,
                           OnConnection on_connection)
    : socket_(loop, socket.release()),
      pause_(loop),
      places_(std::move(places)),
      on_connection_(std::move(on_connection))
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

void PortListener::await_place()
{
    places_->await([weak = weak_from_this()](const Places::Place& place) {
        const auto self = weak.lock();
        if (!self)
            return;
        boost::asio::post(self->socket_.get_executor(), [weak, place] {
            if (const auto listener = weak.lock())
                listener->accept_all(place);
        });
    });
}

void PortListener::accept_later()
{
    pause_.expires_after(breather);
    pause_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        if (const auto self = weak.lock(); self && !error)
            self->accept_all();
    });
}

void PortListener::accept_all(Places::Place place)
{
    while (socket_.is_open()) {
        if (!place && !(place = places_->take()))
            return await_place();
        sdk::os::UniqueFd connection(::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC));
        if (connection) {
            const int on = 1;
            ::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // a Unix socket has no such thing
            on_connection_(std::move(connection), std::exchange(place, {}));
            continue;
        }
        if (errno == EAGAIN)
            return await_connections();
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            return accept_later();
        // The others are of a connection that is gone again (accept(2)).
    }
}

}  // namespace banger::forward
