// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "banger/sdk/os/socket.hpp"
#include "banger/sdk/result.hpp"
#include "cli/forward_spec.hpp"

namespace banger::cli {

/// A socket of this process that listens where a forward says. The file of a Unix socket goes with it, if it is still that.
class ListeningSocket {
public:
    /// `busy` for a port that somebody has, `exists` for a path, `permission`; each with what to do about it.
    static sdk::Result<ListeningSocket> open(const ForwardEnd& where);
    /// Where that is, the port included that the kernel chose for port 0.
    [[nodiscard]] const ForwardEnd& where() const { return where_; }
    /// One more descriptor of it.
    [[nodiscard]] sdk::Result<sdk::os::UniqueFd> copy() const;

private:
    ListeningSocket(sdk::os::UnixListener listener, ForwardEnd where)
        : listener_(std::move(listener)), where_(std::move(where))
    {
    }

    sdk::os::UnixListener listener_;  ///< without a file: of a port
    ForwardEnd where_;
};

}  // namespace banger::cli
