// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "banger/sdk/result.hpp"

namespace banger::cli {

/// One end of a forward, as it was written.
struct ForwardEnd {
    std::string host;  ///< of TCP; empty: none was given
    std::uint16_t port = 0;
    std::string path;  ///< of a Unix socket; empty: TCP

    [[nodiscard]] std::string text() const;
};

/// What `ssh -L` and `ssh -R` take (ssh(1)): where it listens, and where connections go.
struct ForwardSpec {
    enum class To { guest, host };  ///< -L, -R

    To to = To::guest;
    ForwardEnd listen;
    ForwardEnd target;
};

/// Reads [BIND:]PORT or PATH, a colon, and HOST:PORT, PORT or PATH; what has a slash is a path, an IPv6 address stands in
/// brackets. Also what is not known to ssh: a target that is a port alone. Names of this host only: in the guest nobody is asked
/// for them. `invalid` for whatever cannot be right.
sdk::Result<ForwardSpec> parse_forward(ForwardSpec::To to, const std::string& text);

}  // namespace banger::cli
