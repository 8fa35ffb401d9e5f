// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"
#include "core/forward/places.hpp"

namespace banger::forward {

/// Takes connections of a listening socket for as long as it lives, and there are places for them. All on the loop's thread.
class PortListener : public std::enable_shared_from_this<PortListener> {
public:
    /// The place is the connection's for as long as it lasts.
    using OnConnection = std::function<void(sdk::os::UniqueFd connection, Places::Place place)>;

    /// `socket` listens already, and does not block.
    static std::shared_ptr<PortListener> start(boost::asio::io_context& loop, sdk::os::UniqueFd socket,
                                               std::shared_ptr<Places> places, OnConnection on_connection);
    void close();

private:
    PortListener(boost::asio::io_context& loop, sdk::os::UniqueFd socket, std::shared_ptr<Places> places,
                 OnConnection on_connection);
    void await_connections();
    void await_place();
    void accept_later();
    void accept_all(Places::Place place = {});

    boost::asio::posix::stream_descriptor socket_;
    boost::asio::steady_timer pause_;
    std::shared_ptr<Places> places_;
    OnConnection on_connection_;
};

}  // namespace banger::forward
