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
    /// It stays readable, and counts but once: sdk::Call::cancel_descriptor.
    bool interrupt_stays = false;
};

/// One of several calls that are made at once.
struct Request {
    std::string method;
    json::Object params;
    std::vector<sdk::os::UniqueFd> descriptors{};  ///< that go with it
};

/// What their caller is told; `which` is a call's place among the requests.
struct GroupHooks {
    std::function<void(std::size_t which, const std::string& method, const json::Value& params)> on_notification;
    /// Once for each call, in the order in which they end.
    std::function<void(std::size_t which, sdk::Result<Reply> reply)> on_reply;
    /// As in CallHooks: cancels all that are under way, and those that wait for their turn are not made.
    int interrupt = -1;
    std::function<bool()> on_interrupt;
    bool interrupt_stays = false;
};

/// A blocking connection to the daemon. Not thread-safe. Closing it cancels what it began.
class Client {
public:
    /// `unavailable` if nobody listens there.
    static sdk::Result<Client> connect(const std::string& socket_path);
    /// The same with whoever is behind a connected socket; `gone` is what is said if he goes away in the middle of a call.
    static Client over(sdk::os::UniqueFd socket, sdk::Error gone) { return Client(std::move(socket), std::move(gone)); }

    /// Sends the call and waits for its answer. The daemon's error comes back as it was made.
    /// `unavailable` if the daemon goes away in the middle.
    sdk::Result<Reply> call(std::string_view method, const json::Object& params, const CallHooks& hooks = {},
                            std::vector<sdk::os::UniqueFd> descriptors = {});

    /// Makes calls at once, at most so many at a time, and returns when each has been answered, one way or the other.
    void call_all(const std::vector<Request>& requests, std::size_t most_at_a_time, const GroupHooks& hooks);

    [[nodiscard]] int descriptor() const { return socket_.get(); }
    /// Whether the other side went away.
    [[nodiscard]] bool is_lost() const { return lost_; }

private:
    class Group;

    Client(sdk::os::UniqueFd socket, sdk::Error gone) : socket_(std::move(socket)), gone_(std::move(gone)) {}
    sdk::Result<void> send(std::string_view bytes, const std::vector<sdk::os::UniqueFd>& descriptors = {});
    sdk::Error lose();

    sdk::os::UniqueFd socket_;
    sdk::Error gone_;
    bool lost_ = false;
    MessageReader reader_;
    std::uint64_t next_id_ = 1;
};

}  // namespace banger::rpc
