// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::dns {

/// An address of one interface, and a port.
struct Endpoint {
    std::string address;
    std::uint16_t port = 0;

    /// None if it is no address, or stands for all of a host's.
    static std::optional<Endpoint> parse(const std::string& address, std::uint16_t port);
    [[nodiscard]] std::string text() const;  ///< 127.0.0.1:53, [::1]:53
};

/// What questions come to, over UDP and over TCP. Neither blocks.
struct Sockets {
    sdk::os::UniqueFd datagrams;
    sdk::os::UniqueFd listener;
    Endpoint endpoint;
};

/// Takes this port, or the first after it that is free for both transports. `busy` if there is none among the next 64,
/// or the error of the first that failed for another reason.
sdk::Result<Sockets> open_sockets(const Endpoint& wanted);

}  // namespace banger::dns
