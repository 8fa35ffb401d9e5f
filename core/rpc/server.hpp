// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/rpc/message.hpp"

namespace boost::asio {
class io_context;
}

namespace banger::rpc {

class Connection;

/// One request being answered. Thread-safe: workers answer from their own threads; the loop does the writing.
/// Exactly one of reply and fail counts; later ones are dropped.
class Exchange {
public:
    Exchange(std::shared_ptr<Connection> connection, RequestId id, std::string method, json::Document params,
             std::vector<sdk::os::UniqueFd> descriptors);

    [[nodiscard]] const std::string& method() const { return method_; }
    [[nodiscard]] const json::Value& params() const { return params_; }
    /// Those that came with the request. Whoever answers it may take them, once.
    [[nodiscard]] std::vector<sdk::os::UniqueFd> take_descriptors() { return std::move(descriptors_); }

    void notify(std::string_view method, const json::Value& params);
    void reply(const json::Object& result, std::vector<sdk::os::UniqueFd> descriptors = {});
    void fail(const sdk::Error& error, ErrorCode code = ErrorCode::failed);

    /// Called once, on the loop thread, when the client asks to cancel or goes away before the answer; at once if that
    /// has happened already.
    void on_cancel(std::function<void()> callback);
    /// Called once, on the loop thread, when the client's connection closes; at once if it is closed.
    void on_disconnect(std::function<void()> callback);

private:
    std::shared_ptr<Connection> connection_;
    RequestId id_;
    std::string method_;
    json::Document params_;
    std::vector<sdk::os::UniqueFd> descriptors_;
};

/// Accepts connections of one user on the loop and hands every request to the handler, on the loop thread.
class Server {
public:
    using Handler = std::function<void(const std::shared_ptr<Exchange>&)>;

    /// Whom it listens to, and how much.
    struct Limits {
        uid_t user = ::geteuid();                  ///< he and root are served
        std::size_t most_connections = SIZE_MAX;   ///< at a time; others wait until one of them ends
        std::size_t most_message_bytes = most_message;
        std::size_t most_requests = SIZE_MAX;      ///< of one connection at a time; those beyond it fail with `busy`
        std::size_t most_unread = SIZE_MAX;        ///< messages that a client leaves lying; with one more it is hung up on
        MessageReader::Descriptors descriptors = MessageReader::Descriptors::taken;
    };

    /// `listener` is a listening Unix socket. Peers with another uid are turned away (SO_PEERCRED).
    Server(boost::asio::io_context& loop, sdk::os::UniqueFd listener, Handler handler);
    Server(boost::asio::io_context& loop, sdk::os::UniqueFd listener, Handler handler, const Limits& limits);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Stops accepting, and closes every connection once what it asked is answered. On the loop thread.
    void close();

private:
    class Acceptor;
    std::shared_ptr<Acceptor> acceptor_;
};

}  // namespace banger::rpc
