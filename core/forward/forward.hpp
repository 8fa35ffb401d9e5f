// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "core/forward/places.hpp"
#include "core/guest/agent_client.hpp"

namespace banger::forward {

/// Connections between one place of this host and one of a guest, until it is closed or the guest's agent is gone. What
/// happens to one of them is no matter of the others. All on the loop's thread.
class Forward : public std::enable_shared_from_this<Forward> {
public:
    struct Events {
        std::function<void(const sdk::Error& why)> failed;  ///< one connection; the forward goes on
        std::function<void(const sdk::Error& why)> ended;   ///< the forward, and not by close
    };

    virtual ~Forward() = default;
    Forward(const Forward&) = delete;
    Forward& operator=(const Forward&) = delete;

    /// No more events and no more connections; those that stand are reset. Done already is success.
    void close();

protected:
    Forward(boost::asio::io_context& loop, const std::shared_ptr<guest::AgentClient>& agent,
            std::shared_ptr<Places> places, Events events);

    /// Ends with the agent's session.
    void follow_agent();
    void join(const agent::ConnectSpec& spec, sdk::os::UniqueFd connection, const Places::Place& place);
    /// Resets a connection that the guest accepted; its place is taken until the guest has done so.
    void refuse(std::int64_t accepted, const Places::Place& place);
    void report(const sdk::Error& why) const;
    void end(const sdk::Error& why);
    /// No more connections.
    virtual void stop() = 0;

    [[nodiscard]] bool closed() const { return closed_; }
    [[nodiscard]] std::shared_ptr<guest::AgentClient> agent() const { return agent_.lock(); }
    boost::asio::io_context& loop_;
    std::shared_ptr<Places> places_;

private:
    std::weak_ptr<guest::AgentClient> agent_;  ///< its session ends when those who keep agents let it go
    Events events_;
    std::map<std::uint64_t, std::function<void()>> joined_;  ///< what ends each connection that stands, or is refused
    std::uint64_t last_ = 0;
    bool closed_ = false;
};

}  // namespace banger::forward
