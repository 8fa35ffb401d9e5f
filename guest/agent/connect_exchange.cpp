// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/connect_exchange.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "guest/protocol/exec_messages.hpp"

namespace banger::agent {
namespace {

int family_of(const ConnectSpec& spec)
{
    if (spec.tcp_port == 0)
        return AF_UNIX;
    return spec.tcp_address.find(':') != std::string::npos ? AF_INET6 : AF_INET;
}

std::string name_of(const ConnectSpec& spec)
{
    if (spec.tcp_port == 0)
        return "'" + spec.unix_path + "'";
    return "port " + std::to_string(spec.tcp_port) + (spec.tcp_address.empty() ? "" : " of " + spec.tcp_address);
}

int begin_connect(int fd, const ConnectSpec& spec)
{
    if (spec.tcp_port != 0) {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (family_of(spec) == AF_INET6) {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(spec.tcp_port);
        inet_pton(AF_INET6, spec.tcp_address.c_str(), &address.sin6_addr);
        return connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    if (family_of(spec) == AF_INET) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(spec.tcp_port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (!spec.tcp_address.empty())
            inet_pton(AF_INET, spec.tcp_address.c_str(), &address.sin_addr);
        return connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, spec.unix_path.data(), spec.unix_path.size());
    return connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

}  // namespace

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
    connecting_.reset(socket(family_of(*spec), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!connecting_)
        return fail(sdk::os_error("connect to " + target_ + " in the guest"));
    if (begin_connect(connecting_.get(), *spec) == 0)
        return on_connected();
    if (errno != EINPROGRESS)
        return fail(sdk::os_error("connect to " + target_ + " in the guest"));
    watch_ = loop_.watch(connecting_.get(), EPOLLOUT, [this](std::uint32_t) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(connecting_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
            watch_.reset();
            return fail(sdk::os_error("connect to " + target_ + " in the guest", error));
        }
        on_connected();
    });
}

void ConnectExchange::on_connected()
{
    watch_.reset();
    const int copy = fcntl(connecting_.get(), F_DUPFD_CLOEXEC, 3);
    to_.emplace(loop_, sdk::os::UniqueFd(copy), [this] { backlog_drained(); });
    from_.emplace(loop_, std::move(connecting_), [this] { stream_.wake(); });
    queue(FrameType::started, "{}");
    to_->write(std::exchange(early_, {}));
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
    if (!from_->open() && (ended_ || to_->fd() < 0))
        finish();
    return {};
}

}  // namespace banger::agent
