// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "guest/protocol/listener_messages.hpp"

namespace banger::agent {

struct ListeningSocket {
    Listener listener;
    std::uint32_t inode = 0;
};

/// Every TCP socket of this network namespace that takes connections, asked of the kernel by their state (sock_diag(7)):
/// what that costs grows with them and not with connections, as reading /proc/net/tcp does. That is read where the kernel has
/// its module for the question not, and the image no modprobe that would load it; it does not say of which link an address is
/// that is of one only. Errors: of the netlink socket.
[[nodiscard]] sdk::Result<std::vector<ListeningSocket>> listening_sockets();

/// Those in the text of /proc/net/tcp or tcp6 (proc(5)); lines that are not understood are left out.
[[nodiscard]] std::vector<ListeningSocket> listening_sockets_in(const std::string& proc_net_tcp);

/// Names a process for each that one has: the one with the smallest pid. Looks at every descriptor of every process.
void add_processes(std::vector<ListeningSocket>& sockets);

}  // namespace banger::agent
