// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/forward/forward.hpp"

namespace banger::forward {

/// Where a connection of a guest goes on this host.
struct HostTarget {
    std::vector<std::string> addresses;  ///< IPv4 or IPv6 text, in the order in which they are tried
    std::uint16_t port = 0;
    std::string unix_path;  ///< absolute; not empty: this, and no address
    std::chrono::milliseconds patience = std::chrono::seconds(10);  ///< with all addresses together, which may be silent
};

/// From a port or Unix socket of the guest, on which its agent listens, to one of this host, as `ssh -R`.
class ForwardToHost final : public Forward {
public:
    /// Made on any thread; all else is the loop's.
    static std::shared_ptr<ForwardToHost> make(boost::asio::io_context& loop, HostTarget target,
                                               const std::shared_ptr<guest::AgentClient>& agent,
                                               std::shared_ptr<Places> places, Events events);
    /// Has the agent listen; on a worker's thread, once. The port, 0 of a Unix socket.
    sdk::Result<std::uint16_t> listen(const agent::ListenSpec& spec, const guest::Patience& patience);
    /// A connection that the guest announces, by its number. It is refused where the target does not take it, and the forward
    /// ends with `internal` when more are announced than agent::most_announced before they were asked for.
    void take(std::int64_t accepted);

private:
    class Attempt;

    ForwardToHost(boost::asio::io_context& loop, HostTarget target, const std::shared_ptr<guest::AgentClient>& agent,
                  std::shared_ptr<Places> places, Events events)
        : Forward(loop, agent, std::move(places), std::move(events)), target_(std::move(target))
    {
    }
    void stop() override;
    void serve();
    void await_place();
    void serve_next(const Places::Place& place);
    void connected(std::int64_t accepted, sdk::Result<sdk::os::UniqueFd> socket, const Places::Place& place);

    HostTarget target_;
    std::function<void()> stop_listening_;
    std::deque<std::int64_t> accepted_;  ///< in the guest, that have no place yet
    std::size_t announced_ = 0;          ///< and those that have one and are not asked for yet
    bool awaiting_place_ = false;
    std::map<std::uint64_t, std::shared_ptr<Attempt>> attempts_;  ///< to connect to the target
    std::uint64_t last_attempt_ = 0;
};

}  // namespace banger::forward
