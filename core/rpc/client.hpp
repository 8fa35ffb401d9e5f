// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/rpc/message.hpp"

namespace banger::rpc {

struct Reply {
    json::Document result;
    std::vector<sdk::os::UniqueFd> descriptors;
};

/// What a caller may watch while a call runs.
struct CallHooks {
    /// progress, spec and other notifications that belong to this call.
    std::function<void(const std::string& method, const json::Value& params)> on_notification;
    /// A descriptor that becomes readable when the user wants to stop; -1 for none.
    int interrupt = -1;
    /// Called when it is readable, to read it empty. True asks the daemon to cancel (asked once).
    std::function<bool()> on_interrupt;
};

/// One of several calls that are made at once.
struct Request {
    std::string method;
    json::Object params;
};

/// What their caller is told; `which` is a call's place among the requests.
struct GroupHooks {
    std::function<void(std::size_t which, const std::string& method, const json::Value& params)> on_notification;
    /// Once for each call, in the order in which they end.
    std::function<void(std::size_t which, sdk::Result<Reply> reply)> on_reply;
    /// As in CallHooks: cancels all that are under way, and those that wait for their turn are not made.
    int interrupt = -1;
    std::function<bool()> on_interrupt;
};

/// A blocking connection to the daemon. Not thread-safe. Closing it cancels what it began.
class Client {
public:
    /// `unavailable` if nobody listens there.
    static sdk::Result<Client> connect(const std::string& socket_path);

    /// Sends the call and waits for its answer. The daemon's error comes back as it was made.
    /// `unavailable` if the daemon goes away in the middle.
    sdk::Result<Reply> call(std::string_view method, const json::Object& params, const CallHooks& hooks = {});

    /// Makes calls at once, at most so many at a time, and returns when each has been answered, one way or the other.
    void call_all(const std::vector<Request>& requests, std::size_t most_at_a_time, const GroupHooks& hooks);

    [[nodiscard]] int descriptor() const { return socket_.get(); }

private:
    class Group;

    explicit Client(sdk::os::UniqueFd socket) : socket_(std::move(socket)) {}
    sdk::Result<void> send(std::string_view bytes);

    sdk::os::UniqueFd socket_;
    MessageReader reader_;
    std::uint64_t next_id_ = 1;
};

}  // namespace banger::rpc
