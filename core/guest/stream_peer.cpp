// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/guest/stream_peer.hpp"

#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

namespace banger::guest {

using boost::asio::posix::stream_descriptor;

StreamPeer::StreamPeer(boost::asio::io_context& loop, sdk::os::UniqueFd socket, Holder& holder)
    : socket_(loop, socket.release()), holder_(holder)
{
}

void StreamPeer::watch_for_end()
{
    socket_.async_wait(stream_descriptor::wait_error,
                       [this, weak = holder_.weak_from_this()](const boost::system::error_code& error) {
                           if (const auto holder = weak.lock(); holder && !error)
                               leave();
                       });
}

void StreamPeer::await_input()
{
    if (std::exchange(awaiting_input_, true))
        return;
    socket_.async_wait(stream_descriptor::wait_read,
                       [this, weak = holder_.weak_from_this()](const boost::system::error_code& error) {
                           const auto holder = weak.lock();
                           if (!holder || error)
                               return;
                           awaiting_input_ = false;
                           holder->peer_has_input();
                       });
}

void StreamPeer::await_room()
{
    if (std::exchange(awaiting_room_, true))
        return;
    // The stream may be closed already: this keeps it until the socket has its last bytes.
    socket_.async_wait(stream_descriptor::wait_write,
                       [this, holder = holder_.shared_from_this()](const boost::system::error_code& error) {
                           if (error)
                               return;
                           awaiting_room_ = false;
                           write(std::exchange(backlog_, {}));
                       });
}

std::optional<std::size_t> StreamPeer::read(std::span<char> room)
{
    while (!gone_) {
        const auto count = ::recv(socket_.native_handle(), room.data(), room.size(), MSG_DONTWAIT);
        if (count >= 0)
            return static_cast<std::size_t>(count);
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN)
            await_input();
        else
            leave_later();
        break;
    }
    return std::nullopt;
}

void StreamPeer::leave_later()
{
    boost::asio::post(socket_.get_executor(), [this, holder = holder_.shared_from_this()] { leave(); });
}

void StreamPeer::send(std::string_view bytes)
{
    if (gone_)
        return;
    if (!backlog_.empty())
        backlog_.append(bytes);
    else
        write(bytes);
}

/// Writes what goes and keeps the rest, which must be all there is.
void StreamPeer::write(std::string_view bytes)
{
    while (!bytes.empty() && !gone_) {
        const auto count = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) {
            backlog_.assign(bytes);
            await_room();
            break;
        } else if (errno != EINTR) {
            return leave();
        }
    }
    holder_.peer_took_bytes();
}

void StreamPeer::leave()
{
    if (std::exchange(gone_, true))
        return;
    backlog_.clear();
    holder_.peer_is_gone();
}

void StreamPeer::end_sending()
{
    if (!gone_)
        ::shutdown(socket_.native_handle(), SHUT_WR);
}

/// How a connection ends by its close, also by the kernel's (socket(7), SO_LINGER).
void StreamPeer::end_by_reset(bool on)
{
    const linger how{on ? 1 : 0, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &how, sizeof how);
}

void StreamPeer::cut_at_our_death()
{
    end_by_reset(true);
}

void StreamPeer::close(Close how)
{
    if (!socket_.is_open())
        return;
    end_by_reset(how == Close::with_reset);
    boost::system::error_code ignored;
    socket_.close(ignored);
}

}  // namespace banger::guest
