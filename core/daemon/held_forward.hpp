// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>

#include "banger/sdk/os/fd.hpp"
#include "core/forward/forward.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::daemon {

/// A forward for as long as whoever asked for it holds the other end of a socket (SOCK_SEQPACKET, a frame in each message). A
/// `notice` there says what failed of one connection, an `error` that it has ended, and why. On the loop's thread.
class HeldForward : public std::enable_shared_from_this<HeldForward> {
public:
    /// `on_ended` is called once, however it ends.
    HeldForward(boost::asio::io_context& loop, sdk::os::UniqueFd socket, std::function<void()> on_ended);

    /// What is to be told of the forward; any thread.
    [[nodiscard]] forward::Forward::Events events();
    /// From now on; keeps itself.
    void hold(std::shared_ptr<forward::Forward> forward);

private:
    void await_end();
    /// Of who does not read some is lost.
    void tell(agent::FrameType type, const sdk::Error& what);
    void end();

    boost::asio::posix::stream_descriptor socket_;
    std::function<void()> on_ended_;
    std::shared_ptr<forward::Forward> forward_;
};

}  // namespace banger::daemon
