// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "core/base/keyed_mutex.hpp"
#include "core/base/synchronized.hpp"
#include "core/lifecycle/operation.hpp"

namespace boost::asio {
class io_context;
}
namespace banger::guest {
class AgentClient;
struct Patience;
}

namespace banger::lifecycle {

/// The connections to guests' agents: at most one per VM, made when first needed, shared by all who talk to that guest.
/// Threads: workers only; never the loop's thread, which the connections themselves run on.
class Agents {
public:
    using OpenChannel = std::function<sdk::Result<sdk::os::UniqueFd>(sdk::Call& call)>;

    /// A greeting can be lost: where the host's side of a serial port changes hands while the guest stands, what is written to
    /// it next may go nowhere. So one that is not answered within `first_wait` is said anew on another channel; twice as long
    /// is waited for each, since a guest may only be slow.
    explicit Agents(boost::asio::io_context& loop, std::chrono::milliseconds first_wait = std::chrono::seconds(2))
        : loop_(loop), first_wait_(first_wait)
    {
    }

    /// The live connection, or a new one whose agent has answered. `timed_out` if it does not answer within `patience`;
    /// `unavailable` if the channel closes first, as it does when the VMM ends.
    sdk::Result<std::shared_ptr<guest::AgentClient>> connect(const std::string& vm, const std::string& token,
                                                             const OpenChannel& open,
                                                             std::chrono::milliseconds patience, Operation& operation);
    /// The live connection, if there is one; waits for nobody.
    [[nodiscard]] std::shared_ptr<guest::AgentClient> connected(const std::string& vm) const;
    /// Whether somebody waits for this VM's agent to answer for the first time, which may last as long as a boot.
    [[nodiscard]] bool connecting(const std::string& vm) const { return connecting_.holder(vm).has_value(); }
    void drop(const std::string& vm);
    /// The same, for one that does not answer by then.
    void drop_if_mute(const std::string& vm, const guest::Patience& patience);
    /// Streams open, over all guests, or to one.
    [[nodiscard]] std::size_t open_streams() const;
    [[nodiscard]] std::size_t open_streams(const std::string& vm) const;

    /// Told when a stream of a user to a guest opens, by who opens it, and when it ends, on the loop's thread. Set before
    /// anybody connects.
    std::function<void(const std::string& vm, bool open)> on_stream;
    /// Told of each new connection, by the worker that made it. Set before anybody connects.
    std::function<void(const std::string& vm)> on_connected;

private:
    boost::asio::io_context& loop_;
    std::chrono::milliseconds first_wait_;
    base::KeyedMutex connecting_;
    base::Synchronized<std::map<std::string, std::shared_ptr<guest::AgentClient>>> clients_;
};

}  // namespace banger::lifecycle
