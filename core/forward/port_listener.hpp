// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::forward {

/// Takes connections of a listening socket for as long as it lives. All on the loop's thread.
class PortListener : public std::enable_shared_from_this<PortListener> {
public:
    using OnConnection = std::function<void(sdk::os::UniqueFd connection)>;

    /// `socket` listens already.
    static std::shared_ptr<PortListener> start(boost::asio::io_context& loop, sdk::os::UniqueFd socket,
                                               OnConnection on_connection);
    void close();

private:
    PortListener(boost::asio::io_context& loop, sdk::os::UniqueFd socket, OnConnection on_connection);
    void await_connections();
    void accept_all();

    boost::asio::posix::stream_descriptor socket_;
    boost::asio::steady_timer pause_;
    OnConnection on_connection_;
};

/// A listening TCP socket on an IPv4 address of this host; errors of bind(2): `busy` if the port is taken there,
/// `permission` if we may not have it.
[[nodiscard]] sdk::Result<sdk::os::UniqueFd> listen_tcp(const std::string& address, std::uint16_t port);

}  // namespace banger::forward
