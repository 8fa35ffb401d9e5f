// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/http_probe.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <string_view>
#include <utility>
#include <vector>

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

}  // namespace

std::set<std::uint16_t> ports_with_http(const std::string& address, const std::vector<std::uint16_t>& ports,
                                        std::chrono::milliseconds patience)
{
    std::set<std::uint16_t> found;
    std::vector<Probe> probes;
    auto next = ports.begin();
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        // Who is done with makes room; who is silent keeps his place, and one place only.
        std::erase_if(probes, [&](const Probe& probe) {
            if (!probe.socket && probe.answer.starts_with(status_line))
                found.insert(probe.port);
            return !probe.socket;
        });
        while (probes.size() < most_at_once && next != ports.end())
            if (auto probe = begin(address, *next++); probe.socket)
                probes.push_back(std::move(probe));
        std::vector<pollfd> watch;
        for (const auto& probe : probes)
            watch.push_back({probe.socket.get(), static_cast<short>(probe.asked ? POLLIN : POLLOUT), 0});
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (probes.empty() || left.count() <= 0)
            return found;
        if (::poll(watch.data(), watch.size(), static_cast<int>(left.count())) < 0 && errno != EINTR)
            return found;
        for (std::size_t i = 0; i < probes.size(); ++i)
            if (watch[i].revents != 0)
                probes[i].asked ? listen_to(probes[i]) : ask(probes[i], address);
    }
}

}  // namespace banger::cli
