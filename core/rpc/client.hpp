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

/// A blocking connection to the daemon. One call at a time; not thread-safe. Closing it cancels what it began.
class Client {
public:
    /// `unavailable` if nobody listens there.
    static sdk::Result<Client> connect(const std::string& socket_path);

    /// Sends the call and waits for its answer. The daemon's error comes back as it was made.
    /// `unavailable` if the daemon goes away in the middle.
    sdk::Result<Reply> call(std::string_view method, const json::Object& params, const CallHooks& hooks = {});

    [[nodiscard]] int descriptor() const { return socket_.get(); }

private:
    explicit Client(sdk::os::UniqueFd socket) : socket_(std::move(socket)) {}
    sdk::Result<void> send(std::string_view bytes);

    sdk::os::UniqueFd socket_;
    MessageReader reader_;
    std::uint64_t next_id_ = 1;
};

}  // namespace banger::rpc
