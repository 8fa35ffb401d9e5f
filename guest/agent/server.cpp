// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/server.hpp"

#include <linux/vm_sockets.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

namespace banger::agent {
namespace {

/// Connections that have not shown the secret yet; more are turned away.
constexpr std::size_t most_links = 16;

}  // namespace

SocketServer::SocketServer(EventLoop& loop, sdk::os::UniqueFd listener, const Token& token, Router router)
    : loop_(loop), listener_(std::move(listener)), token_(token), router_(std::move(router))
{
    watch_ = loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_all(); });
}

void SocketServer::take_token(const Token& token)
{
    token_ = token;
    for (const auto& link : links_)
        link->take_token(token);
}

void SocketServer::accept_all()
{
    for (;;) {
        sdk::os::UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!connection)
            return;
        if (links_.size() < most_links)
            add(std::move(connection));
    }
}

void SocketServer::add(sdk::os::UniqueFd connection)
{
    const auto handle = std::make_shared<std::weak_ptr<Link>>();
    Link::Events events;
    events.session_began = [this, handle] {
        const auto winner = handle->lock();
        // Later: the link that calls is among them, and others may be in the middle of an event.
        loop_.defer([this, winner] { std::erase_if(links_, [&](const auto& link) { return link != winner; }); });
    };
    events.closed = [this, handle] { links_.erase(handle->lock()); };
    auto link =
        std::make_shared<Link>(loop_, std::move(connection), Link::Kind::socket, token_, router_, std::move(events));
    *handle = link;
    links_.insert(link);
    link->start();
}

sdk::Result<sdk::os::UniqueFd> listen_unix(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return sdk::make_error(sdk::Code::invalid, "'" + path + "' is not a usable socket path");
    std::memcpy(address.sun_path, path.data(), path.size());
    sdk::os::UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const mode_t before = umask(0177);
    const bool bound = listener &&
                       bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                       listen(listener.get(), 16) == 0;
    umask(before);
    if (!bound)
        return sdk::os_error("listen on " + path);
    return listener;
}

sdk::Result<sdk::os::UniqueFd> listen_vsock(unsigned port)
{
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = VMADDR_CID_ANY;
    address.svm_port = port;
    sdk::os::UniqueFd listener(socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!listener || bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener.get(), 16) != 0)
        return sdk::os_error("listen on vsock port " + std::to_string(port));
    return listener;
}

}  // namespace banger::agent
