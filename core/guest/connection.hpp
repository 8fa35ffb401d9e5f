// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"
#include "guest/protocol/preamble.hpp"
#include "guest/protocol/stream_windows.hpp"

struct nghttp2_session;

namespace banger::guest {

class Connection;

/// What a stream has to send. No bytes and no end: ask again after wake().
struct Produced {
    std::size_t bytes = 0;
    bool end = false;
};

/// One request, on the loop's thread.
class ClientStream {
public:
    /// The way back into the connection; does nothing once the stream is closed.
    struct Port {
        std::weak_ptr<Connection> connection;
        std::int32_t id = 0;

        void wake() const;
        /// Opens the agent's flow control window by so many bytes that were used.
        void consumed(std::size_t bytes) const;
        /// Gives the stream up; on_closed follows with `why`.
        void reset(const sdk::Error& why) const;
    };

    virtual ~ClientStream() = default;
    virtual void on_open(Port port) { port_ = std::move(port); }
    virtual Produced produce(std::span<char> room) = 0;
    virtual void on_status(int status) { status_ = status; }
    virtual void on_data(std::string_view bytes) = 0;
    /// The last call. No error: the agent ended the stream in the regular way.
    virtual void on_closed(sdk::Result<void> how) = 0;

protected:
    /// Takes them if they are of an answer that is not 200: of an error, then.
    bool take_refusal(std::string_view bytes);
    /// That error, once the stream is closed; nothing if the answer was 200.
    [[nodiscard]] std::optional<sdk::Error> refusal() const;

    Port port_;
    int status_ = 0;

private:
    std::string refusal_;
};

/// A channel with an HTTP/2 session on it. All but the counters belongs to the loop's thread.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(boost::asio::io_context& loop, sdk::os::UniqueFd channel, const agent::Token& token);
    ~Connection();

    void start();
    /// Whose request it is: one that nobody waits for, and that keeps the daemon from no rest, is not counted as open.
    enum class For { somebody, itself };
    void submit(const std::string& path, const std::shared_ptr<ClientStream>& stream, For whom = For::somebody);
    /// Ends the session; every stream is closed with `why`.
    void close(const sdk::Error& why);
    /// Called when the agent has answered the greeting, or with the error that ended the session before.
    void when_connected(std::function<void(sdk::Result<void>)> then);
    void when_closed(std::function<void(const sdk::Error&)> then);

    boost::asio::io_context& loop() { return loop_; }
    [[nodiscard]] std::size_t open_streams() const { return open_streams_; }
    [[nodiscard]] bool alive() const { return alive_; }

private:
    friend struct ClientStream::Port;
    friend struct ConnectionCallbacks;

    struct Slot {
        std::string path;
        std::shared_ptr<ClientStream> stream;  ///< none once it was told that it is closed
        For whom = For::somebody;
    };

    void make_session();
    void finish(std::int32_t id, sdk::Result<void> how);
    void await_input();
    void await_room();
    void read_input();
    bool take_input(std::string_view bytes);
    void want_flush();
    void flush();
    bool send_some(std::string_view bytes);

    boost::asio::io_context& loop_;
    boost::asio::posix::stream_descriptor channel_;
    std::string greeting_;
    std::optional<agent::NeedleScanner> answer_;  ///< set until the agent has answered
    nghttp2_session* http2_ = nullptr;
    std::map<std::int32_t, Slot> slots_;
    agent::StreamWindows windows_;
    std::string unsent_;
    bool flush_wanted_ = false;
    bool awaiting_room_ = false;
    std::optional<sdk::Error> dead_;
    std::vector<std::function<void(sdk::Result<void>)>> connected_;
    std::vector<std::function<void(const sdk::Error&)>> closed_;
    std::atomic<std::size_t> open_streams_ = 0;
    std::atomic<bool> alive_ = true;
};

}  // namespace banger::guest
