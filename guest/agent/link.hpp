// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/event_loop.hpp"
#include "guest/agent/session.hpp"
#include "guest/protocol/preamble.hpp"

namespace banger::agent {

/// One byte channel to the host and the session on it, if there is one. A new preamble replaces the session at any
/// time. Never blocks: a host that reads nothing cannot keep the agent from reading.
class Link : public std::enable_shared_from_this<Link> {
public:
    struct Events {
        std::function<void()> session_began;
        std::function<void()> closed;  ///< the channel is gone for good; not called for a serial port
    };
    /// A serial port outlives its clients: it reads as ended while the host's side is closed, and then goes on.
    enum class Kind { serial, socket };

    Link(EventLoop& loop, sdk::os::UniqueFd fd, Kind kind, const Token& token, Router router, Events events);

    /// Begins to read. Separate from the constructor because handlers hold weak references.
    void start();
    /// From now on only this secret opens a session; the one that there is goes on. The session's own handlers
    /// may call it.
    void take_token(const Token& token);
    [[nodiscard]] bool in_session() const { return session_ != nullptr; }

private:
    struct Input {
        enum After { more, nothing_now, ended };
        std::size_t size = 0;
        After after = more;
    };
    Input fill(std::span<char> buffer);
    void on_ready();
    void on_input(std::string_view bytes);
    void begin_session(const std::string& nonce);
    void end_session();
    void on_channel_end();
    void watch_absence();
    void want_flush();
    void flush();
    bool write_some(std::string_view bytes);

    EventLoop& loop_;
    sdk::os::UniqueFd fd_;
    Kind kind_;
    Token token_;
    Router router_;
    Events events_;
    PreambleScanner scanner_;
    std::unique_ptr<Session> session_;
    std::string unsent_;         ///< bytes a full channel did not take
    bool flush_wanted_ = false;  ///< one is deferred already
    EventLoop::Registration absence_;
    EventLoop::Registration watch_;
};

}  // namespace banger::agent
