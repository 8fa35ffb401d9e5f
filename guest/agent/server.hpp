// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>

#include "guest/agent/link.hpp"

namespace banger::agent {

/// Serves sessions on a listening stream socket (Firecracker's vsock, a Unix socket in tests). Whoever shows the
/// secret last has the session; the others are closed.
class SocketServer {
public:
    SocketServer(EventLoop& loop, sdk::os::UniqueFd listener, const Token& token, Router router);

    /// As Link::take_token, for connections that there are and those to come.
    void take_token(const Token& token);

private:
    void accept_all();
    void add(sdk::os::UniqueFd connection);

    EventLoop& loop_;
    sdk::os::UniqueFd listener_;
    Token token_;
    Router router_;
    std::set<std::shared_ptr<Link>> links_;
    EventLoop::Registration watch_;
};

/// Errors: those of the operating system; the path is made with mode 0600 and must not exist.
[[nodiscard]] sdk::Result<sdk::os::UniqueFd> listen_unix(const std::string& path);
/// vsock(7), from the host only, any context id.
[[nodiscard]] sdk::Result<sdk::os::UniqueFd> listen_vsock(unsigned port);

}  // namespace banger::agent
