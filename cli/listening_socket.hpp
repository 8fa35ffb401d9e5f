// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"
#include "cli/forward_spec.hpp"

namespace banger::cli {

/// A socket of this process that listens where a forward says. The file of a Unix socket goes with it, if it is still that.
class ListeningSocket {
public:
    /// `busy` for a port that somebody has, `exists` for a path, `permission`; each with what to do about it.
    static sdk::Result<ListeningSocket> open(const ForwardEnd& where);
    ListeningSocket(ListeningSocket&& other) noexcept;
    ListeningSocket& operator=(ListeningSocket&&) = delete;
    ListeningSocket(const ListeningSocket&) = delete;
    ListeningSocket& operator=(const ListeningSocket&) = delete;
    ~ListeningSocket();

    /// Where that is, the port included that the kernel chose for port 0.
    [[nodiscard]] const ForwardEnd& where() const { return where_; }
    /// One more descriptor of it.
    [[nodiscard]] sdk::Result<sdk::os::UniqueFd> copy() const;

private:
    ListeningSocket(sdk::os::UniqueFd socket, ForwardEnd where);

    sdk::os::UniqueFd socket_;
    ForwardEnd where_;
    std::uint64_t inode_ = 0;  ///< of the socket's file
};

}  // namespace banger::cli
