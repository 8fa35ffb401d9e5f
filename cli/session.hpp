// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "cli/progress.hpp"
#include "cli/signals.hpp"
#include "core/rpc/client.hpp"

namespace banger::cli {

/// A connection to the daemon as a person uses it: calls show their progress, and Ctrl-C cancels them.
class Session {
public:
    /// `client` is connected. `progress` must outlive the session.
    static sdk::Result<Session> open(rpc::Client client, Progress& progress);

    enum class OnInterrupt {
        cancel,    ///< the first asks the daemon to stop, which rolls back; the third leaves without waiting for that
        carry_on,  ///< the call goes to its end
    };

    /// Calls a method of docs/rpc.md and waits for its answer.
    sdk::Result<rpc::Reply> call(std::string_view method, const json::Object& params,
                                 OnInterrupt on_interrupt = OnInterrupt::cancel,
                                 std::vector<sdk::os::UniqueFd> descriptors = {});

    /// The same for several at once, at most so many at a time. `on_reply` is told of each in the order in which they
    /// end. Ctrl-C cancels all of them.
    void call_all(const std::vector<rpc::Request>& requests, std::size_t most_at_a_time,
                  const std::function<void(std::size_t which, sdk::Result<rpc::Reply> reply)>& on_reply);

    /// Lets time pass. The signal that ended that early, if one asked to stop.
    std::optional<int> pause(std::chrono::milliseconds time);

    /// The signal that made a call end early, or that was seen by whoever reads signals() otherwise.
    [[nodiscard]] std::optional<int> interrupted_by() const { return interrupted_by_; }
    void note_interrupt(int signal) { interrupted_by_ = signal; }

    Signals& signals() { return signals_; }
    Progress& progress() { return progress_; }

private:
    Session(rpc::Client client, Signals signals, sdk::os::UniqueFd clock, sdk::os::UniqueFd events, Progress& progress);
    bool take_events(OnInterrupt on_interrupt);
    bool take_stop(int signal, OnInterrupt on_interrupt);

    rpc::Client client_;
    Signals signals_;
    sdk::os::UniqueFd clock_;   ///< ticks while a live line may be on the screen
    sdk::os::UniqueFd events_;  ///< readable when signals or the clock are (epoll(7))
    Progress& progress_;
    std::optional<int> interrupted_by_;
    int stops_seen_ = 0;
};

}  // namespace banger::cli
