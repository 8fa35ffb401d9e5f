// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/listen_exchange.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <string>

#include "guest/protocol/exec_messages.hpp"

namespace banger::agent {
namespace {

constexpr std::chrono::milliseconds breather{200};  // without descriptors

std::string hint_for(sdk::Code code)
{
    if (code == sdk::Code::busy)
        return "something in the machine listens there: choose another port";
    if (code == sdk::Code::exists)
        return "something is there in the machine: remove it if nothing uses it any more";
    return {};
}

sdk::Result<sdk::os::UnixListener> listen_at(const ListenSpec& spec)
{
    if (!spec.unix_path.empty())
        return sdk::os::listen_new_unix(spec.unix_path);
    auto socket = sdk::os::listen_tcp(spec.tcp_address.empty() ? "127.0.0.1" : spec.tcp_address, spec.tcp_port);
    if (!socket)
        return std::move(socket.error());
    return sdk::os::UnixListener{std::move(*socket), {}};
}

}  // namespace

ListenExchange::~ListenExchange()
{
    for (const auto number : waiting_)
        accepted_.drop(number);
}

void ListenExchange::on_frame(FrameType type, std::string_view payload)
{
    if (begun_)
        return;
    if (type != FrameType::spec)
        return fail(sdk::make_error(sdk::Code::invalid, "the first frame must be the listen spec"));
    begun_ = true;
    start(payload);
}

void ListenExchange::on_end(bool)
{
    if (!begun_)
        fail(sdk::make_error(sdk::Code::invalid, "the listen spec is missing"));
}

void ListenExchange::start(std::string_view text)
{
    auto spec = listen_spec_from_json(text);
    if (!spec)
        return fail(spec.error());
    auto listener = listen_at(*spec);
    if (!listener) {
        auto error = listener.error();
        error.hint = hint_for(error.code);
        error.message.insert(0, "the guest ");
        return fail(error);
    }
    const int socket = listener_.emplace(std::move(*listener)).socket.get();
    queue(FrameType::started, listening_to_json(sdk::os::port_of(socket)));
    watch_ = loop_.watch(socket, EPOLLIN, [this](std::uint32_t) { accept_all(); });
}

void ListenExchange::accept_all()
{
    while (waiting_.size() < most_announced) {
        sdk::os::UniqueFd connection(accept4(listener_->socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (connection) {
            announce(std::move(connection));
        } else if (errno == EAGAIN) {
            return;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            again_ = loop_.after(breather, [this] { accept_all(); });
            return;
        }
        // The others are of a connection that is gone again (accept(2)).
    }
}

void ListenExchange::announce(sdk::os::UniqueFd connection)
{
    const int on = 1;
    setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // a Unix socket has no such thing
    const auto number = std::make_shared<std::int64_t>(0);
    *number = accepted_.add(std::move(connection), [this, number] {
        waiting_.erase(*number);
        // Later: who asks is in the middle of it.
        loop_.defer([this, alive = std::weak_ptr<bool>(alive_)] {
            if (!alive.expired())
                accept_all();
        });
    });
    waiting_.insert(*number);
    queue(FrameType::data, accepted_to_json(*number));
}

}  // namespace banger::agent
