// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/held_forward.hpp"

#include <sys/socket.h>

#include <array>
#include <utility>

#include "guest/protocol/json.hpp"

namespace banger::daemon {

HeldForward::HeldForward(boost::asio::io_context& loop, sdk::os::UniqueFd socket, std::function<void()> on_ended)
    : socket_(loop, socket.release()), on_ended_(std::move(on_ended))
{
}

forward::Forward::Events HeldForward::events()
{
    forward::Forward::Events events;
    events.failed = [weak = weak_from_this()](const sdk::Error& why) {
        if (const auto self = weak.lock())
            self->tell(agent::FrameType::notice, why);
    };
    events.ended = [weak = weak_from_this()](const sdk::Error& why) {
        const auto self = weak.lock();
        if (!self)
            return;
        self->tell(agent::FrameType::error, why);
        self->end();
    };
    return events;
}

void HeldForward::hold(std::shared_ptr<forward::Forward> forward)
{
    if (!socket_.is_open())
        return forward->close();  // it has ended already
    forward_ = std::move(forward);
    await_end();
}

void HeldForward::await_end()
{
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](const boost::system::error_code& error) {
                           if (error)
                               return;
                           std::array<char, 64> ignored{};
                           const auto got =
                               ::recv(self->socket_.native_handle(), ignored.data(), ignored.size(), MSG_DONTWAIT);
                           if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
                               return self->await_end();
                           self->end();
                       });
}

void HeldForward::tell(agent::FrameType type, const sdk::Error& what)
{
    std::string frame;
    agent::write_frame(frame, type, agent::error_to_json(what));
    (void)::send(socket_.native_handle(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void HeldForward::end()
{
    boost::system::error_code ignored;
    socket_.close(ignored);
    if (const auto forward = std::exchange(forward_, nullptr))
        forward->close();
    if (const auto ended = std::exchange(on_ended_, nullptr))
        ended();
}

}  // namespace banger::daemon
