// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "banger/sdk/os/fd.hpp"

namespace banger::oci::testing {

struct Request {
    std::string path;                            ///< with its query
    std::map<std::string, std::string> headers;  ///< names in small letters
};

/// The answer to one request, on a connection that ends with it.
class Reply {
public:
    Reply(int socket, const std::atomic<bool>& ending) : socket_(socket), ending_(ending) {}

    using Headers = std::map<std::string, std::string>;
    void send(int status, const std::string& body, const Headers& headers = {});
    /// Promises all of a body and gives the first bytes of it.
    void send_part(int status, const std::string& body, std::size_t bytes, const Headers& headers = {});
    /// A byte at a time, with a pause behind each, until the other side or the server ends.
    void send_slowly(int status, const std::string& body, std::chrono::milliseconds pause, const std::function<void()>& sent);
    /// Says nothing more until the server ends.
    void stall();
    [[nodiscard]] bool ending() const { return ending_; }

private:
    bool write(const std::string& bytes);
    int socket_;
    const std::atomic<bool>& ending_;
};

/// An HTTP server on a loopback port that does whatever a test wants, each request on a thread of its own.
class LoopbackServer {
public:
    using Handler = std::function<void(const Request&, Reply&)>;
    explicit LoopbackServer(Handler handler);
    ~LoopbackServer();
    LoopbackServer(const LoopbackServer&) = delete;
    LoopbackServer& operator=(const LoopbackServer&) = delete;

    [[nodiscard]] std::string address() const;  ///< 127.0.0.1:port
    [[nodiscard]] std::vector<Request> requests() const;
    /// Those whose path holds `text`.
    [[nodiscard]] std::vector<Request> requests_for(const std::string& text) const;

private:
    void serve();
    void answer(const sdk::os::UniqueFd& connection);

    Handler handler_;
    sdk::os::UniqueFd socket_;
    std::atomic<bool> ending_ = false;
    mutable std::mutex mutex_;
    std::vector<Request> requests_;
    std::vector<std::jthread> connections_;
    std::jthread acceptor_;  // last: uses the others
};

}  // namespace banger::oci::testing
