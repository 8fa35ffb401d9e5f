// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "banger/sdk/host.hpp"

namespace banger::sdk {

/// A name server of this host, and the domain that it answers for.
struct NameServer {
    std::string address;     ///< IPv4 or IPv6 text
    std::uint16_t port = 0;
    std::string zone;        ///< without the final dot, such as vm

    bool operator==(const NameServer&) const = default;
};

/// network.names/0: programs on this host ask a name server for the names of a network's guests, where the host's resolver can
/// be told so for one network and forgets it with that. A power of a network/0 of the same name.
/// Crashes: what was told stays told until the network goes; the next `route` replaces it.
class NetworkNames : public Provider {
public:
    /// Names below the server's zone are asked of it; replaces what was told before. `not_found` while nothing of the network is
    /// on this host, `invalid` for a server that cannot be one, `permission` for a zone that is not for it.
    [[nodiscard]] virtual Result<void> route(const NameServer& server, Call& call) = 0;

    /// The resolver asks nobody for this network any more. Done already is success.
    [[nodiscard]] virtual Result<void> unroute() = 0;

    /// What the resolver was told. Nothing without the network.
    [[nodiscard]] virtual Result<std::vector<NameServer>> routed() = 0;
};

/// `invalid` for an address that is none, port 0, and a zone that is no domain.
[[nodiscard]] Result<void> check(const NameServer& server);

}  // namespace banger::sdk
