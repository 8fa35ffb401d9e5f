// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <thread>

#include "kept_answers.hpp"
#include "sockets.hpp"

namespace banger::dns {

/// Answers what comes to its sockets, on a thread of its own, for as long as it lives.
class Server {
public:
    /// `zone` outlives the server.
    static sdk::Result<std::unique_ptr<Server>> start(const Zone& zone, Sockets sockets);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] const Endpoint& endpoint() const { return sockets_.endpoint; }

private:
    Server(const Zone& zone, Sockets sockets, sdk::os::UniqueFd epoll, sdk::os::UniqueFd stop);
    void run();
    void answer_datagrams();
    std::size_t answer_batch();
    [[nodiscard]] std::string_view answer_to(std::string_view packet, Transport transport);

    KeptAnswers answers_;  ///< the thread's
    Sockets sockets_;
    sdk::os::UniqueFd epoll_;
    sdk::os::UniqueFd stop_;  ///< readable when the thread is to end
    struct Batch;
    std::unique_ptr<Batch> batch_;
    std::thread thread_;
};

}  // namespace banger::dns
