// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::agent {

/// A TCP socket of the guest that takes connections.
struct Listener {
    std::string address;  ///< IPv4 or IPv6 text (sdk::os::tcp_address); 0.0.0.0 and :: stand for all
    std::uint16_t port = 0;
    std::int64_t pid = 0;  ///< of a process that has it, if processes were asked for and one does; else 0
    std::string process;   ///< that one's name (proc(5), comm)

    auto operator<=>(const Listener&) const = default;
};

/// What a POST of /v0/listeners begins with.
struct ListenersSpec {
    bool follow = false;     ///< go on with what changes, until the client ends the stream
    bool processes = false;  ///< also say whose they are; not with `follow`
};

/// The payload of each data frame that answers it. What has changed since the frame before; the first ones, against none.
/// Where there is more than one frame takes, `more` follows, and only then it is all that there is.
struct ListenersChange {
    std::vector<Listener> appeared;
    std::vector<Listener> gone;
    bool more = false;
};

[[nodiscard]] std::string to_json(const ListenersSpec& spec);
[[nodiscard]] std::string to_json(const ListenersChange& change);
/// Errors: invalid; for a change also an address that is none, or port 0.
[[nodiscard]] sdk::Result<ListenersSpec> listeners_spec_from_json(std::string_view text);
[[nodiscard]] sdk::Result<ListenersChange> listeners_change_from_json(std::string_view text);

}  // namespace banger::agent
