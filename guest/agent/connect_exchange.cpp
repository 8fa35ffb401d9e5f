// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/connect_exchange.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "guest/protocol/exec_messages.hpp"

namespace banger::agent {
namespace {

/// Its close will be no end of what was sent, but an end in its middle (socket(7), SO_LINGER).
void end_by_reset(int fd)
{
    const ::linger reset{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

constexpr const char* loopback = "127.0.0.1";
constexpr const char* other_loopback = "::1";

std::string name_of(const ConnectSpec& spec)
{
    if (spec.accepted != 0)
        return "connection " + std::to_string(spec.accepted);
    if (spec.tcp_port == 0)
        return "'" + spec.unix_path + "'";
    return "port " + std::to_string(spec.tcp_port) + (spec.tcp_address.empty() ? "" : " of " + spec.tcp_address);
}

/// From the end in the order in which they are tried.
sdk::Result<std::vector<sdk::os::SocketAddress>> places_of(const ConnectSpec& spec)
{
    std::vector<sdk::Result<sdk::os::SocketAddress>> read;
    if (spec.tcp_port == 0)
        read.push_back(sdk::os::unix_address(spec.unix_path));
    else if (!spec.tcp_address.empty())
        read.push_back(sdk::os::tcp_address(spec.tcp_address, spec.tcp_port));
    else
        for (const char* address : {other_loopback, loopback})
            read.push_back(sdk::os::tcp_address(address, spec.tcp_port));
    std::vector<sdk::os::SocketAddress> places;
    for (auto& place : read) {
        if (!place)
            return std::move(place.error());
        places.push_back(*place);
    }
    return places;
}

}  // namespace

ConnectExchange::~ConnectExchange()
{
    if (finished() || !to_)
        return;
    // The host's side was reset, or is gone.
    end_by_reset(to_->fd() >= 0 ? to_->fd() : from_->fd());
}

void ConnectExchange::on_frame(FrameType type, std::string_view payload)
{
    if (target_.empty())
        return type == FrameType::spec
                   ? start(payload)
                   : fail(sdk::make_error(sdk::Code::invalid, "the first frame of a connection must be its spec"));
    if (type == FrameType::data && !to_)
        early_.append(payload);
    else if (type == FrameType::data)
        to_->write(payload);
    else if (type == FrameType::eof)
        end_sending();
}

void ConnectExchange::on_end(bool)
{
    if (target_.empty())
        return fail(sdk::make_error(sdk::Code::invalid, "a connection must begin with its spec"));
    end_sending();
}

void ConnectExchange::end_sending()
{
    ended_ = true;
    if (!to_)
        return;  // on_connected does it
    to_->end([](int fd) { shutdown(fd, SHUT_WR); });
    stream_.wake();
}

void ConnectExchange::start(std::string_view text)
{
    auto spec = connect_spec_from_json(text);
    if (!spec)
        return fail(spec.error());
    target_ = name_of(*spec);
    if (spec->accepted == 0) {
        auto places = places_of(*spec);
        if (!places)
            return fail(places.error());
        places_ = std::move(*places);
        return try_next(ECONNREFUSED);
    }
    connecting_ = accepted_.claim(spec->accepted);
    if (!connecting_)
        return fail(sdk::make_error(sdk::Code::not_found, target_ + " of the guest is gone"));
    if (spec->refused) {
        end_by_reset(connecting_.get());
        connecting_.reset();
        return finish();
    }
    on_connected();
}

void ConnectExchange::try_next(int error)
{
    watch_.reset();
    connecting_.reset();
    if (places_.empty())
        return fail(sdk::os_error("connect to " + target_ + " in the guest", error));
    const auto place = places_.back();
    places_.pop_back();
    connecting_.reset(socket(place.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!connecting_)
        return try_next(errno);
    const int on = 1;
    setsockopt(connecting_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // a Unix socket has no such thing
    if (connect(connecting_.get(), place.get(), place.size) == 0)
        return on_connected();
    if (errno != EINPROGRESS)
        return try_next(errno);
    watch_ = loop_.watch(connecting_.get(), EPOLLOUT, [this](std::uint32_t) {
        int failed = 0;
        socklen_t size = sizeof failed;
        getsockopt(connecting_.get(), SOL_SOCKET, SO_ERROR, &failed, &size);
        if (failed != 0)
            return try_next(failed);
        on_connected();
    });
}

void ConnectExchange::on_connected()
{
    watch_.reset();
    const int copy = fcntl(connecting_.get(), F_DUPFD_CLOEXEC, 3);
    to_.emplace(loop_, sdk::os::UniqueFd(copy), [this] {
        backlog_drained();
        stream_.wake();
    });
    from_.emplace(loop_, std::move(connecting_), [this] { stream_.wake(); });
    queue(FrameType::started, "{}");
    to_->write(std::exchange(early_, {}));
    // The socket may have taken it all, so that nothing else says so: what came early may have been all that the client may send.
    backlog_drained();
    if (ended_)
        end_sending();
}

FramedExchange::Pulled ConnectExchange::pull(std::span<char> room)
{
    if (!from_)
        return {};
    if (const auto count = from_->read(room); count > 0)
        return {FrameType::data, count};
    if (from_->failure() != 0) {
        fail(sdk::os_error("read from " + target_ + " in the guest", from_->failure()));
        return {};
    }
    if (!from_->open() && !std::exchange(eof_sent_, true))
        queue(FrameType::eof);
    if (!from_->open() && to_->fd() < 0)
        finish();
    return {};
}

}  // namespace banger::agent
