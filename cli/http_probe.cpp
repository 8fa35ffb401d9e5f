// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/http_probe.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "banger/sdk/os/fd.hpp"

namespace banger::cli {
namespace {

constexpr std::size_t most_at_once = 256;  // each takes a descriptor
constexpr std::string_view status_line = "HTTP/1.";

struct Probe {
    std::uint16_t port = 0;
    sdk::os::UniqueFd socket;
    bool asked = false;
    std::string answer;
};

Probe begin(const std::string& address, std::uint16_t port)
{
    Probe probe;
    probe.port = port;
    probe.socket.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_port = htons(port);
    if (::inet_pton(AF_INET, address.c_str(), &place.sin_addr) != 1 ||
        (::connect(probe.socket.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0 &&
         errno != EINPROGRESS))
        probe.socket.reset();
    return probe;
}

void ask(Probe& probe, const std::string& address)
{
    const std::string request = "HEAD / HTTP/1.1\r\nHost: " + address + ":" + std::to_string(probe.port) +
                                "\r\nUser-Agent: banger\r\nConnection: close\r\n\r\n";
    probe.asked = true;
    if (::send(probe.socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size()))
        probe.socket.reset();
}

void listen_to(Probe& probe)
{
    std::array<char, 64> bytes{};
    const auto got = ::recv(probe.socket.get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    probe.answer.append(bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    if (got <= 0 || probe.answer.size() >= status_line.size())
        probe.socket.reset();
}

void probe(const std::string& address, std::span<const std::uint16_t> ports, std::chrono::milliseconds patience,
           std::set<std::uint16_t>& found)
{
    std::vector<Probe> probes;
    for (const auto port : ports)
        probes.push_back(begin(address, port));
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        std::vector<pollfd> watch;
        for (const auto& probe : probes)
            watch.push_back({probe.socket.get(), static_cast<short>(probe.asked ? POLLIN : POLLOUT), 0});
        const bool any = std::any_of(watch.begin(), watch.end(), [](const pollfd& each) { return each.fd >= 0; });
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (!any || left.count() <= 0)
            break;
        if (::poll(watch.data(), watch.size(), static_cast<int>(left.count())) < 0 && errno != EINTR)
            break;
        for (std::size_t i = 0; i < probes.size(); ++i)
            if (watch[i].fd >= 0 && watch[i].revents != 0)
                probes[i].asked ? listen_to(probes[i]) : ask(probes[i], address);
    }
    for (const auto& probe : probes)
        if (probe.answer.starts_with(status_line))
            found.insert(probe.port);
}

}  // namespace

std::set<std::uint16_t> ports_with_http(const std::string& address, const std::vector<std::uint16_t>& ports,
                                        std::chrono::milliseconds patience)
{
    std::set<std::uint16_t> found;
    for (std::span<const std::uint16_t> left(ports); !left.empty();) {
        const auto now = left.first(std::min(left.size(), most_at_once));
        probe(address, now, patience, found);
        left = left.subspan(now.size());
    }
    return found;
}

}  // namespace banger::cli
