// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"
#include "guest/protocol/configure_messages.hpp"
#include "guest/protocol/exec_messages.hpp"
#include "guest/protocol/listener_messages.hpp"
#include "guest/protocol/preamble.hpp"
#include "guest/protocol/session_messages.hpp"

namespace boost::asio {
class io_context;
}

namespace banger::guest {

class Connection;

/// How long a caller waits, and how somebody else ends its waiting.
struct Patience {
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
    std::stop_token stop;

    static Patience of(std::chrono::milliseconds duration, std::stop_token stop = {})
    {
        return {std::chrono::steady_clock::now() + duration, std::move(stop)};
    }
};

/// A command's end and what it wrote.
struct RunResult {
    agent::ExitStatus exit;
    std::string out;
    std::string err;
    bool truncated = false;  ///< it wrote more than the limit; the rest was read and thrown away
};

/// One session with the agent of one guest, over a connected stream socket.
///
/// Threads: everything may be called from any thread; calls that take a Patience block and must not run on the thread
/// that runs the loop. Callbacks run on the loop's thread.
/// Crashes: a client that dies leaves nothing behind but bytes in the channel, which the next client's preamble skips;
/// the agent then ends what the dead client had started.
/// Lifetime: destroying the client ends the session and all its streams. The io_context must outlive it.
/// Errors of every call: unavailable (the channel is gone), timed_out, cancelled, and the guest's own.
class AgentClient {
public:
    /// Takes the socket, greets at once, and works through requests as soon as the agent answers the greeting: a guest
    /// that still boots is waited for.
    static std::shared_ptr<AgentClient> open(boost::asio::io_context& loop, sdk::os::UniqueFd channel,
                                             const agent::Token& token);
    ~AgentClient();
    AgentClient(const AgentClient&) = delete;
    AgentClient& operator=(const AgentClient&) = delete;

    /// Until the agent has answered the greeting.
    sdk::Result<void> wait_connected(const Patience& patience);

    /// JSON as in agent::Configuration and agent::GuestFacts.
    sdk::Result<std::string> configure(const std::string& json, const Patience& patience);
    sdk::Result<agent::GuestFacts> configure(const agent::Configuration& configuration, const Patience& patience);
    /// JSON as in guest/agent/health.hpp. With `init_state` the guest's init is asked, which takes a while.
    sdk::Result<std::string> health(const Patience& patience, bool init_state = false);
    /// Until the guest's init has finished starting; its word for how that went: running, degraded, ...
    sdk::Result<std::string> wait_ready(const Patience& patience);
    /// Asks the guest's init to power off; returns when it was asked, not when it is done.
    sdk::Result<void> shutdown(const Patience& patience);
    /// sync(2) in the guest.
    sdk::Result<void> sync(const Patience& patience);

    /// Runs a command to its end. `limit` bounds what is kept of each of stdout and stderr, in bytes.
    sdk::Result<RunResult> run(const agent::ExecSpec& spec, std::string input, const Patience& patience,
                               std::size_t limit = 4UL * 1024 * 1024);
    /// The file is in place as a whole or not at all.
    sdk::Result<void> write_file(const agent::FileSpec& spec, std::string content, const Patience& patience);
    /// Errors: invalid when the file is longer than `limit` bytes.
    sdk::Result<std::string> read_file(const std::string& path, std::size_t limit, const Patience& patience);

    /// Sessions: see guest/protocol/session_messages.hpp. A guest whose agent is older has none: unsupported.
    sdk::Result<agent::SessionFacts> start_session(const agent::SessionSpec& spec, const Patience& patience);
    /// All of them, or the one of that name.
    sdk::Result<std::vector<agent::SessionFacts>> sessions(const std::string& name, const Patience& patience);
    sdk::Result<agent::SessionFacts> signal_session(const agent::SessionOrder& order, const Patience& patience);
    /// Returns when it has ended.
    sdk::Result<agent::SessionFacts> stop_session(const agent::SessionOrder& order, const Patience& patience);

    /// Called once. No error: the agent ended the stream and the peer has all its bytes.
    using OnDone = std::function<void(sdk::Result<void>)>;
    /// Opens a stream ("/v0/exec", "/v0/connect", "/v0/session/attach", ...), sends `head`, the frame with the spec, and
    /// then moves frames between the stream and `peer`, a connected stream socket, as fast as both sides take them.
    /// When the peer closes or shuts down its sending side, the stream is reset: the guest ends the command. When the
    /// guest ends the stream, or fails (the peer then gets an error frame), the peer is closed.
    void relay(const std::string& path, std::string head, sdk::os::UniqueFd peer, OnDone on_done);

    /// Opens a connection in the guest ("/v0/connect") and joins it with `peer`, a connected stream socket of this host,
    /// each half closed as the other side closes it. Where the guest refuses or resets it, the peer sees a reset too.
    /// What is returned, called on any thread, resets both sides.
    std::function<void()> join(const agent::ConnectSpec& spec, sdk::os::UniqueFd peer, OnDone on_done = {});

    /// Where the guest listens for the host.
    struct Listening {
        std::uint16_t port = 0;  ///< 0: a Unix socket
        std::function<void()> stop;  ///< called once, on any thread, ends it
    };
    /// Listens in the guest ("/v0/listen"). `on_accepted` gets the number of each connection there, to be joined with, and
    /// `on_end` how it ended once it had begun; both on the loop's thread. A guest that has much to say is heard slowly.
    /// Counts as nobody's stream.
    sdk::Result<Listening> listen(const agent::ListenSpec& spec, std::function<void(std::int64_t)> on_accepted,
                                  OnDone on_end, const Patience& patience);
    /// Resets a connection with such a number, which nobody wants to join. `on_done` is called on the loop's thread, where the
    /// guest has answered or the session is gone; what is returned, called on any thread, gives it up.
    std::function<void()> refuse(std::int64_t accepted, OnDone on_done);

    /// The ports that take connections in the guest, and whose they are. Errors: internal when there are more than `most`.
    sdk::Result<std::vector<agent::Listener>> listeners(const Patience& patience, std::size_t most = 65536);
    /// Follows them: `on_change` gets what has changed, the first time all there are, and `on_end` how that ended. Both on
    /// the loop's thread. A guest that has much to say is heard slowly. Counts as nobody's stream. What is returned, called once, on any thread, ends it.
    std::function<void()> follow_listeners(std::function<void(const agent::ListenersChange&)> on_change, OnDone on_end);

    /// Told of each relayed or joined stream: with true on the thread that opens it, with false on the loop's when it has ended.
    /// Set before the first one.
    void watch_relays(std::function<void(bool open)> watch) { watch_relays_ = std::move(watch); }

    /// Called once, on the loop's thread, when the session ends, also by the client's own end; soon if it has ended already.
    void on_closed(std::function<void(const sdk::Error&)> closed);
    [[nodiscard]] bool alive() const;
    [[nodiscard]] std::size_t open_streams() const;

private:
    explicit AgentClient(std::shared_ptr<Connection> connection);
    sdk::Result<std::string> call(const std::string& path, std::string body, const Patience& patience);
    OnDone watched(OnDone on_done);

    std::shared_ptr<Connection> connection_;
    std::function<void(bool open)> watch_relays_;
};

}  // namespace banger::guest
