// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <functional>
#include <memory>

#include "guest/agent/accepted_connections.hpp"
#include "guest/agent/command_sessions.hpp"
#include "guest/agent/event_loop.hpp"
#include "guest/agent/exchange.hpp"
#include "guest/agent/guest_state.hpp"
#include "guest/agent/path_waiter.hpp"
#include "guest/agent/process.hpp"
#include "guest/agent/session.hpp"
#include "guest/protocol/preamble.hpp"

namespace banger::agent {

/// The requests the agent answers. Outlives every session.
class Services {
public:
    /// `guest` is null for an agent that serves an ordinary host: it then has no power over it (no configure, no
    /// shutdown, no sync), only what its user may do anyway. `sessions_directory` is where sessions have their files.
    Services(EventLoop& loop, GuestState* guest, std::string sessions_directory)
        : loop_(loop), guest_(guest), processes_(loop), sessions_(loop, processes_, std::move(sessions_directory))
    {
    }

    [[nodiscard]] Router router();
    /// Called when a configuration brings the guest a new secret.
    void on_new_token(std::function<void(const Token&)> take) { take_token_ = std::move(take); }
    /// What asks the agent to end, for whoever has ended all others. SIGTERM it survives: shutdown scripts send that to everybody.
    static constexpr int end_signal = SIGPWR;
    /// Runs the loop until that signal came. Sessions that still run are asked to end then, and how they ended is kept; after three
    /// seconds it returns without.
    void serve();

private:
    using Reply = JsonExchange::Reply;

    std::unique_ptr<Exchange> route(const std::string& path, Stream& stream);
    JsonExchange::Handler guest_call(const std::string& path);
    JsonExchange::Handler session_call(const std::string& path);
    void configure(const std::string& body, const Reply& reply);
    void health(const std::string& body, const Reply& reply);
    void ready(const Reply& reply);
    /// `then` gets systemd's word for the state of the system. With `wait` only once it has finished starting.
    void ask_systemd(bool wait, std::function<void(sdk::Result<std::string>)> then);
    void shutdown(const std::string& body, const Reply& reply);
    void power_off();
    void sync(const Reply& reply);
    void start_session(const std::string& body, const Reply& reply);
    void list_sessions(const std::string& body, const Reply& reply);
    void order_session(const std::string& body, const Reply& reply,
                       const std::function<void(CommandSession&, const SessionOrder&)>& carry_out);
    void signal_session(const std::string& body, const Reply& reply);
    void stop_session(const std::string& body, const Reply& reply);
    void when_systemd_listens(std::function<void()> then);

    EventLoop& loop_;
    GuestState* guest_;
    std::function<void(const Token&)> take_token_;
    ProcessTable processes_;
    AcceptedConnections accepted_;
    CommandSessions sessions_;
    bool init_is_to_hear_ = false;  ///< that the machine stops; once it was told, another request tells it again
    std::vector<std::unique_ptr<PathWaiter>> waiters_;
};

}  // namespace banger::agent
