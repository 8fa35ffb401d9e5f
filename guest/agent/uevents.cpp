// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/uevents.hpp"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace banger::agent {

Uevents::Uevents() : socket_(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT))
{
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = 1;  // the kernel's own, not udev's
    bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

bool Uevents::wait(const std::function<bool()>& arrived, std::chrono::milliseconds limit)
{
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + limit;
    while (!arrived()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        pollfd waiting{socket_.get(), POLLIN, 0};
        if (left.count() <= 0 || poll(&waiting, 1, static_cast<int>(left.count())) == 0)
            return arrived();
        // The content does not matter, and an overrun (ENOBUFS) means news as well.
        std::array<char, 4096> ignored;
        while (recv(socket_.get(), ignored.data(), ignored.size(), MSG_DONTWAIT) > 0) {
        }
    }
    return true;
}

}  // namespace banger::agent
