// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "loopback_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace banger::oci::testing {
namespace {

sdk::os::UniqueFd listen_on_loopback()
{
    sdk::os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket.get(), SOMAXCONN) != 0)
        std::abort();
    return socket;
}

std::string read_head(int socket)
{
    std::string head;
    char byte = 0;
    while (!head.ends_with("\r\n\r\n") && ::recv(socket, &byte, 1, 0) == 1)
        head += byte;
    return head;
}

Request parse(const std::string& head)
{
    Request request;
    const auto start = head.find(' ') + 1;
    request.path = head.substr(start, head.find(' ', start) - start);
    // As proxies are asked (RFC 9112, section 3.2.2).
    if (const std::string scheme = "http://"; request.path.starts_with(scheme))
        request.path = request.path.substr(request.path.find('/', scheme.size()));
    for (auto at = head.find("\r\n"); at != std::string::npos && at + 2 < head.size(); at = head.find("\r\n", at + 2)) {
        const auto line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
        const auto colon = line.find(": ");
        if (colon == std::string::npos)
            continue;
        auto name = line.substr(0, colon);
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
        request.headers[name] = line.substr(colon + 2);
    }
    return request;
}

}  // namespace

bool Reply::write(const std::string& bytes)
{
    for (std::size_t sent = 0; sent < bytes.size();) {
        const auto count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        sent += static_cast<std::size_t>(count);
    }
    return true;
}

void Reply::send_slowly(int status, const std::string& body, std::chrono::milliseconds pause, const std::function<void()>& sent)
{
    send_part(status, body, 0);
    for (const char byte : body) {
        if (ending_ || !write(std::string(1, byte)))
            return;
        sent();
        std::this_thread::sleep_for(pause);
    }
}

void Reply::send(int status, const std::string& body, const Headers& headers)
{
    send_part(status, body, body.size(), headers);
}

void Reply::send_part(int status, const std::string& body, std::size_t bytes, const Headers& headers)
{
    std::string head = "HTTP/1.1 " + std::to_string(status) + " As Told\r\nConnection: close\r\nContent-Length: " +
                       std::to_string(body.size()) + "\r\n";
    for (const auto& [name, value] : headers)
        head += name + ": " + value + "\r\n";
    write(head + "\r\n" + body.substr(0, bytes));
}

void Reply::stall()
{
    ending_.wait(false);
}

LoopbackServer::LoopbackServer(Handler handler)
    : handler_(std::move(handler)), socket_(listen_on_loopback()), acceptor_([this] { serve(); })
{
}

LoopbackServer::~LoopbackServer()
{
    ending_ = true;
    ending_.notify_all();
    ::shutdown(socket_.get(), SHUT_RDWR);  // ends accept(2)
    acceptor_.join();
}

std::string LoopbackServer::address() const
{
    sockaddr_in address{};
    socklen_t length = sizeof address;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

std::vector<Request> LoopbackServer::requests() const
{
    return requests_for("");
}

std::vector<Request> LoopbackServer::requests_for(const std::string& text) const
{
    const std::lock_guard lock(mutex_);
    std::vector<Request> found;
    for (const auto& request : requests_)
        if (request.path.find(text) != std::string::npos)
            found.push_back(request);
    return found;
}

void LoopbackServer::serve()
{
    for (;;) {
        sdk::os::UniqueFd connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!connection)
            return;
        connections_.emplace_back([this, connection = std::move(connection)] { answer(connection); });
    }
}

void LoopbackServer::answer(const sdk::os::UniqueFd& connection)
{
    const auto request = parse(read_head(connection.get()));
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
    }
    Reply reply(connection.get(), ending_);
    handler_(request, reply);
}

}  // namespace banger::oci::testing
